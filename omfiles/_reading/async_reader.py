# SPDX-License-Identifier: MIT
"""The reader for asyncio programs: what waits for a file is awaited, and nothing blocks the event loop."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from omfiles._native.threads import to_thread
from omfiles._reading.read_arrays import complete, read_together_async
from omfiles._reading.reader import OmFileReader
from omfiles.types import BasicSelection

if TYPE_CHECKING:
    from typing import Self

    from omfiles._stores.coalesce import FetchOptions
    from omfiles._stores.range_reader import RangeReader

__all__ = ["OmFileReaderAsync"]


def _same(name: str) -> Any:
    """A property that asks the synchronous reader."""
    return property(lambda self: getattr(self._reader, name), doc=getattr(OmFileReader, name).__doc__)


class OmFileReaderAsync:
    """A variable of an OM file, for asyncio: made by `open`, `from_path` and `from_fsspec`.

    Filesystems that are asynchronous (``asynchronous=True``) and object stores are awaited on the running event loop;
    local files and synchronous filesystems are read in threads, and chunks are decoded in threads. Many reads may be
    awaited at once, also of one reader. Cancelling one leaves the reader usable.

    Examples
    --------
    >>> import asyncio, numpy as np, omfiles
    >>> omfiles.save("rain.om", np.arange(60, dtype="int16").reshape(3, 4, 5), name="rain", attrs={"units": "mm"})
    >>> async def main():
    ...     async with await omfiles.OmFileReaderAsync.open("rain.om") as rain:
    ...         units = await rain.get_child_by_name("units")
    ...         return await asyncio.gather(rain.read_array((0, 0)), rain.read_array((2, 1, 3))), units.read_scalar()
    >>> asyncio.run(main())
    ([array([0, 1, 2, 3, 4], dtype=int16), array(48, dtype=int16)], 'mm')
    """

    _reader: OmFileReader

    def __init__(self) -> None:
        raise TypeError("use `await OmFileReaderAsync.open(source)`, `.from_path(path)` or `.from_fsspec(fs, path)`")

    # --- opening ------------------------------------------------------------------------------------------------

    @classmethod
    def _of(cls, reader: OmFileReader) -> Self:
        self = cls.__new__(cls)
        self._reader = reader
        return self

    @classmethod
    async def open(
        cls, source: Any, *, storage_options: Mapping[str, Any] | None = None, fetch: FetchOptions | None = None
    ) -> Self:
        """Open a file.

        Parameters
        ----------
        source : object
            A path, a URL, a file of fsspec, the content of a file, and what else `OmFileReader` takes.
        storage_options : mapping, optional
            For the filesystem of a URL.
        fetch : omfiles.io.FetchOptions, optional
            How many requests of which size are sent to a store.
        """
        from omfiles._stores.range_reader import RangeReader
        from omfiles._stores.resolve import resolve

        found = await to_thread(resolve, source, storage_options)  # chained URLs may have to be opened
        if isinstance(found, RangeReader):
            return await cls._open_remote(found, fetch)
        return cls._of(await to_thread(partial(OmFileReader, found, fetch=fetch)))

    @classmethod
    async def from_path(cls, file_path: str | os.PathLike[str]) -> Self:
        """Open a local file.

        Parameters
        ----------
        file_path : str or os.PathLike
            Its path.
        """
        return cls._of(await to_thread(OmFileReader.from_path, file_path))

    @classmethod
    async def from_fsspec(cls, fs_obj: Any, path: str | os.PathLike[str], *, fetch: FetchOptions | None = None) -> Self:
        """Open a file of an fsspec filesystem.

        Parameters
        ----------
        fs_obj : fsspec filesystem
            Asynchronous, or synchronous; or any object with ``_size(path)`` and ``_cat_file(path, start=, end=)``.
        path : str or os.PathLike
            The file, with or without the protocol.
        fetch : omfiles.io.FetchOptions, optional
            How many requests of which size are sent.
        """
        from omfiles._stores.fsspec import from_fsspec

        return await cls._open_remote(from_fsspec(fs_obj, path), fetch)

    @classmethod
    async def _open_remote(cls, reader: RangeReader, fetch: FetchOptions | None) -> Self:
        from omfiles._stores.coalesce import fetch_options
        from omfiles._stores.remote_file import RemoteFile, complete

        file = await RemoteFile.open_async(reader, fetch_options(fetch))
        return cls._of(await complete(file, lambda: OmFileReader(file)))

    # --- life cycle ---------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close this reader. Reads that are under way complete; children that were opened from it stay open."""
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._reader).replace("OmFileReader", "OmFileReaderAsync", 1)

    # --- what it is ---------------------------------------------------------------------------------------------

    closed = _same("closed")
    name = _same("name")
    shape = _same("shape")
    chunks = _same("chunks")
    ndim = _same("ndim")
    size = _same("size")
    nbytes = _same("nbytes")
    dtype = _same("dtype")
    is_array = _same("is_array")
    is_scalar = _same("is_scalar")
    is_group = _same("is_group")
    num_children = _same("num_children")
    compression_name = _same("compression_name")
    scale_factor = _same("scale_factor")
    add_offset = _same("add_offset")

    # --- children -----------------------------------------------------------------------------------------------

    async def _complete(self, method: str, *args: Any) -> Any:
        """Call a method of the synchronous reader that reads records, but do not let it wait for them."""
        return await complete(self._reader, lambda reader: getattr(reader, method)(*args))

    async def get_child_by_index(self, index: int) -> Self:
        """Open the child at a position, from 0 to ``num_children - 1``."""
        return self._of(await self._complete("get_child_by_index", index))

    async def get_child_by_name(self, name: str) -> Self:
        """Open the first child of this name."""
        return self._of(await self._complete("get_child_by_name", name))

    async def keys(self) -> list[str]:
        """Names of the children. Of several children with one name the first counts."""
        return list(await self._complete("keys"))

    # --- data ---------------------------------------------------------------------------------------------------

    def read_scalar(self) -> np.generic | str:
        """Value of a scalar, which came with the record of this variable."""
        return self._reader.read_scalar()

    async def read_array(self, ranges: BasicSelection) -> npt.NDArray[Any]:
        """Read part of an array; only chunks that touch it are fetched and decoded.

        Parameters
        ----------
        ranges : int, slice, ellipsis, or a tuple of them
            As numpy's basic indexing: integers drop their dimension, slices have any step.

        Returns
        -------
        numpy.ndarray
            A new C-contiguous array. Also for integers in all dimensions it is an array, of no dimension.
        """
        [array] = await read_together_async([(self._reader, ranges, None)])
        return array
