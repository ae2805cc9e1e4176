# SPDX-License-Identifier: MIT
"""The tests that zarr has of its own stores, as far as they are of reading."""

import asyncio
import functools

import numpy as np
import pytest

import omfiles

pytest.importorskip("zarr", minversion="3.1.6")

from zarr.core.buffer.cpu import Buffer
from zarr.testing.store import StoreTests

from omfiles.zarr import OmStore


def synchronous(test):
    @functools.wraps(test)
    def run(*args, **options):
        asyncio.run(test(*args, **options))

    return run


class TestOmStore:
    store_cls = OmStore
    buffer_cls = Buffer

    @pytest.fixture
    def store(self, tmp_path):
        omfiles.save(tmp_path / "a.om", np.arange(6).reshape(2, 3))
        return asyncio.run(OmStore.open(tmp_path / "a.om"))

    @pytest.fixture
    def store_not_open(self, tmp_path):
        omfiles.save(tmp_path / "a.om", np.arange(6).reshape(2, 3))
        return OmStore(tmp_path / "a.om")

    @pytest.fixture
    def store_kwargs(self, tmp_path):
        return {"source": tmp_path / "a.om"}

    @pytest.fixture
    def open_kwargs(self, store, store_kwargs):
        return store_kwargs

    async def set(self, store, key, value):
        store._small_values[key] = value.to_bytes()

    test_store_type = StoreTests.test_store_type
    test_store_eq = StoreTests.test_store_eq
    test_store_supports_partial_writes = StoreTests.test_store_supports_partial_writes
    test_store_context_manager = synchronous(StoreTests.test_store_context_manager)
    test_get = synchronous(StoreTests.test_get)
    test_get_not_open = synchronous(StoreTests.test_get_not_open)
    test_get_raises = synchronous(StoreTests.test_get_raises)
    test_get_many = synchronous(StoreTests.test_get_many)
    test_get_partial_values = synchronous(StoreTests.test_get_partial_values)
    test_getsize = synchronous(StoreTests.test_getsize)
    test_getsize_raises = synchronous(StoreTests.test_getsize_raises)
