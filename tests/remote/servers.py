# SPDX-License-Identifier: MIT
"""What tests know of the servers that the fixtures start, and what is stored there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

BUCKET = "bucket"
CONTENT = np.random.default_rng(1).bytes(300_000)


@dataclass
class S3:
    """A running S3 server."""

    endpoint: str
    client: Any
    bucket: str = BUCKET

    @property
    def options(self) -> dict[str, str]:
        """For s3fs."""
        return {"key": "key", "secret": "secret", "endpoint_url": self.endpoint}

    def store(self) -> Any:
        """Make a store of obstore."""
        from obstore.store import S3Store

        return S3Store(
            self.bucket,
            endpoint=self.endpoint,
            access_key_id="key",
            secret_access_key="secret",
            region="us-east-1",
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )

    def put(self, key: str, content: bytes) -> str:
        """Store an object; returns its path for s3fs."""
        self.client.put_object(Bucket=self.bucket, Key=key, Body=content)
        return f"{self.bucket}/{key}"

    def objects(self) -> list[str]:
        return [entry["Key"] for entry in self.client.list_objects_v2(Bucket=self.bucket).get("Contents", [])]

    def uploads(self) -> list[str]:
        return [entry["Key"] for entry in self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])]


@dataclass
class Http:
    """A running HTTP server that knows ranges, and what it was asked."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    ranges: bool = True
    head: bool = True
