# SPDX-License-Identifier: MIT
"""Servers of the real kind on the loopback interface, and filesystems that record."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from servers import BUCKET, CONTENT, S3, Http

if TYPE_CHECKING:
    from stores import Traffic

LIBRARIES = ("aiohttp", "boto3", "fsspec", "moto", "obstore", "s3fs", "upath")
if any(find_spec(library) is None for library in LIBRARIES):
    collect_ignore = [path.name for path in Path(__file__).parent.glob("*.py") if path.name != "test_coalesce.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let third-party libraries warn of what they like, and call slow what waits for the server of S3 to start."""
    for item in items:
        if "remote" in item.path.parts:
            item.add_marker(pytest.mark.filterwarnings("default::DeprecationWarning"))
            if "s3" in getattr(item, "fixturenames", ()) or "s3" in item.name:
                item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id="key", aws_secret_access_key="secret", region_name="us-east-1"
    )
    client.create_bucket(Bucket=BUCKET)
    yield S3(endpoint, client)
    client.close()
    server.stop()


@pytest.fixture
def s3(s3_server: S3) -> Iterator[S3]:
    """An S3 server with an empty bucket."""
    from fsspec.implementations.cached import SimpleCacheFileSystem

    yield s3_server
    for key in s3_server.objects():
        s3_server.client.delete_object(Bucket=BUCKET, Key=key)
    SimpleCacheFileSystem.clear_instance_cache()  # it would serve the files of one test to another


@pytest.fixture
def http() -> Iterator[Http]:
    """An HTTP server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            if served.head:
                self.answer()
            else:
                self.send_error(405)

        def do_GET(self) -> None:
            self.answer()

        def answer(self) -> None:
            wanted = self.headers.get("Range")
            served.requests.append((self.command, self.path, wanted))
            content = served.files.get(self.path[1:])
            if content is None:
                self.send_error(404)
                return
            start, stop, status = 0, len(content), 200
            if wanted and served.ranges:
                first, last = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted).groups()
                if not first:
                    start = max(0, stop - int(last))
                else:
                    start, stop = int(first), min(stop, int(last) + 1 if last else stop)
                status = 206
                if start >= stop:
                    self.send_error(416)
                    return
            self.send_response(status)
            self.send_header("Content-Length", str(stop - start))
            self.send_header("ETag", f'"{hash(content):x}"')
            if status == 206:
                self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content[start:stop])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *args: None  # clients that hang up are no news
    served = Http(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def traffic() -> Traffic:
    """What the recording filesystems hold and see: a file called ``file``."""
    from stores import Traffic

    return Traffic({"file": CONTENT})
