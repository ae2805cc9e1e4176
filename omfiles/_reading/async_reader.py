# SPDX-License-Identifier: MIT
"""The reader for asyncio programs: what waits for a file is awaited, and nothing blocks the event loop."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
import numpy.typing as npt

from omfiles._native.threads import to_thread
from omfiles._reading.attributes import Attributes
from omfiles._reading.read_arrays import (
    complete,
    orthogonal,
    pointwise,
    read_selection_async,
    read_together_async,
)
from omfiles._reading.reader import OmFileReader
from omfiles.types import BasicSelection

if TYPE_CHECKING:
    from typing import Self

    from omfiles._reading.read_arrays import Select
    from omfiles._stores.coalesce import FetchOptions
    from omfiles._stores.range_reader import RangeReader

__all__ = ["OmFileReaderAsync"]

T = TypeVar("T")


def _same(name: str) -> Any:
    """A property that asks the synchronous reader."""
    return property(lambda self: getattr(self._reader, name), doc=getattr(OmFileReader, name).__doc__)


class OmFileReaderAsync:
    """A variable of an OM file, for asyncio: made by `open`, `from_path` and `from_fsspec`.

    It has what `OmFileReader` has. What may have to wait is awaited: ``await reader[0, 1:3]``, ``await reader["a/b"]``,
    ``await reader.oindex[[3, 0], :]``; `children` and `attrs`, which are properties there, are methods here.

    Filesystems that are asynchronous (``asynchronous=True``) and object stores are awaited on the running event loop;
    local files and synchronous filesystems are read in threads, and chunks are decoded in threads. Many reads may be
    awaited at once, also of one reader. Cancelling one leaves the reader usable.

    Examples
    --------
    >>> import asyncio, numpy as np, omfiles
    >>> omfiles.save("rain.om", np.arange(60, dtype="int16").reshape(3, 4, 5), name="rain", attrs={"units": "mm"})
    >>> async def main():
    ...     async with await omfiles.OmFileReaderAsync.open("rain.om") as rain:
    ...         units = await rain["units"]
    ...         return await asyncio.gather(rain[0, 0], rain[2, 1, 3]), units.read_scalar()
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

    async def _complete(self, function: Callable[[OmFileReader], T]) -> T:
        """Call a function of the synchronous reader that reads records, but do not let it wait for them."""
        return await complete(self._reader, function)

    async def _open_all(self, function: Callable[[OmFileReader], list[OmFileReader]]) -> list[Self]:
        return [self._of(reader) for reader in await self._complete(function)]

    async def get_child_by_index(self, index: int) -> Self:
        """Open the child at a position, from 0 to ``num_children - 1``."""
        return self._of(await self._complete(lambda reader: reader.get_child_by_index(index)))

    async def get_child_by_name(self, name: str) -> Self:
        """Open the first child of this name."""
        return self._of(await self._complete(lambda reader: reader.get_child_by_name(name)))

    async def children(self) -> list[Self]:
        """Open all children, in the order of the file."""
        return await self._open_all(lambda reader: reader.children)

    async def keys(self) -> list[str]:
        """Names of the children. Of several children with one name the first counts."""
        return await self._complete(lambda reader: list(reader.keys()))

    async def values(self) -> list[Self]:
        """Open the children, one for each name."""
        return await self._open_all(lambda reader: reader.values())

    async def items(self) -> list[tuple[str, Self]]:
        """Names and readers of the children."""
        items = await self._complete(lambda reader: reader.items())
        return [(name, self._of(reader)) for name, reader in items]

    async def attrs(self) -> Attributes:
        """Values of the attributes, by name: a mapping as `OmFileReader.attrs`, complete when it is returned.

        Examples
        --------
        >>> import asyncio, numpy as np, omfiles
        >>> omfiles.save("t2m.om", np.zeros((2, 3)), name="t2m", attrs={"units": "K"})
        >>> async def main():
        ...     async with await omfiles.OmFileReaderAsync.open("t2m.om") as t2m:
        ...         return await t2m.attrs()
        >>> asyncio.run(main())
        Attributes({'units': 'K'})
        """

        def load(reader: OmFileReader) -> Attributes:
            attrs = reader.attrs
            len(attrs)  # opens them
            return attrs

        return await self._complete(load)

    async def walk(self, max_depth: int | None = None) -> AsyncIterator[tuple[str, Self]]:
        """Visit this variable and all below it except attributes, depth first and in file order.

        The records of all are fetched first, those of a level together.

        Parameters
        ----------
        max_depth : int, optional
            How many levels below this variable are visited; 1 for the children only, by default all.

        Yields
        ------
        path : str
            What ``reader[path]`` takes. It is empty for this variable, which comes first.
        variable : OmFileReaderAsync
            A reader of its own.

        Examples
        --------
        >>> import asyncio, numpy as np, omfiles
        >>> with omfiles.OmFileWriter("model.om") as writer:
        ...     rain = writer.write_array(np.arange(6).reshape(2, 3), (2, 3), name="rain")
        ...     writer.close(writer.write_group("model", [writer.write_group("surface", [rain])]))
        >>> async def main():
        ...     async with await omfiles.OmFileReaderAsync.open("model.om") as root:
        ...         return {path: variable.shape async for path, variable in root.walk() if variable.is_array}
        >>> asyncio.run(main())
        {'surface/rain': (2, 3)}
        """
        for path, reader in await self._complete(lambda reader: list(reader.walk(max_depth))):
            yield path, self._of(reader)

    async def tree(self, limit: int = 10_000) -> str:
        """All variables below and including this one as text: names, types, shapes, attributes.

        Parameters
        ----------
        limit : int
            Most variables that are shown, attributes included.
        """
        return await self._complete(lambda reader: reader.tree(limit))

    # --- data ---------------------------------------------------------------------------------------------------

    def read_scalar(self) -> np.generic | str:
        """Value of a scalar, which came with the record of this variable."""
        return self._reader.read_scalar()

    async def read_array(self, ranges: BasicSelection, *, out: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
        """Read part of an array; only chunks that touch it are fetched and decoded.

        Parameters
        ----------
        ranges : int, slice, ellipsis, or a tuple of them
            As numpy's basic indexing: integers drop their dimension, slices have any step.
        out : numpy.ndarray, optional
            Receives the result. It has its shape and dtype, and any memory layout. A read that is cancelled may still
            write to it for a moment.

        Returns
        -------
        numpy.ndarray
            A new C-contiguous array, or `out`. Also for integers in all dimensions it is an array, of no dimension.
        """
        [array] = await read_together_async([(self._reader, ranges, out)])
        return array

    @overload
    def __getitem__(self, key: str, /) -> Coroutine[Any, Any, Self]: ...
    @overload
    def __getitem__(self, key: BasicSelection, /) -> Coroutine[Any, Any, npt.NDArray[Any]]: ...
    def __getitem__(self, key: Any, /) -> Coroutine[Any, Any, Any]:
        """Open a child by its path, ``await reader["a/b"]``, or read a basic selection, ``await reader[0, 1:3]``."""
        return self._descend(key) if isinstance(key, str) else self.read_array(key)

    __iter__ = None  # not even by __getitem__

    async def _descend(self, path: str) -> Self:
        return self._of(await self._complete(lambda reader: reader[path]))

    @property
    def oindex(self) -> AsyncSelector:
        """Selection along each dimension on its own, such as ``await reader.oindex[[3, 0], :, mask]``.

        Examples
        --------
        >>> import asyncio, numpy as np, omfiles
        >>> omfiles.save("rain.om", np.arange(20).reshape(4, 5), (2, 5))
        >>> async def main():
        ...     async with await omfiles.OmFileReaderAsync.open("rain.om") as rain:
        ...         return await asyncio.gather(rain.oindex[[3, 0], 1:3], rain.vindex[[3, 0], [1, 4]])
        >>> asyncio.run(main())
        [array([[16, 17],
               [ 1,  2]]), array([16,  4])]
        """
        self._reader._require_open()
        return AsyncSelector(self._reader, orthogonal)

    @property
    def vindex(self) -> AsyncSelector:
        """Selection point by point; ``await reader.vindex[[3, 0], [1, 4]]`` gives the elements (3, 1) and (0, 4)."""
        self._reader._require_open()
        return AsyncSelector(self._reader, pointwise)


class AsyncSelector:
    """What `OmFileReaderAsync.oindex` and `OmFileReaderAsync.vindex` give: a selection in brackets is awaited."""

    def __init__(self, reader: OmFileReader, select: Select) -> None:
        self._reader = reader
        self._select = select

    def __getitem__(self, key: Any) -> Coroutine[Any, Any, npt.NDArray[Any]]:
        return read_selection_async(self._reader, self._select, key)
