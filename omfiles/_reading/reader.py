# SPDX-License-Identifier: MIT
"""The reader people use: a variable of an OM file that behaves like an array, or like a mapping of its children."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, KeysView, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from omfiles._native.reader import Reader
from omfiles._native.record import OmVariable
from omfiles._native.result_limit import clamp_to_limit
from omfiles._native.source import set_resolver
from omfiles._reading import display, read_arrays
from omfiles._reading.attributes import Attributes
from omfiles._reading.names import suggest_names

if TYPE_CHECKING:
    from typing import Self

    from omfiles._stores.coalesce import FetchOptions

__all__ = ["OmFileReader", "OmVariable", "open"]


def _resolve(source: Any, storage_options: Mapping[str, Any] | None, fetch: FetchOptions | None) -> Any:
    from omfiles._stores.resolve import open_store  # on use, for it brings all that knows stores

    return open_store(source, storage_options, fetch)


set_resolver(_resolve)

SLAB_SIZE = 8 << 20
"""Bytes that iteration over rows reads at once, unless a single row is larger."""


class Signature:
    """How a reader is made, for `help` and `inspect`, which a compiled constructor does not tell."""

    def __get__(self, instance: object, owner: type[Reader]) -> inspect.Signature:
        if owner.__init__ is not Reader.__init__:
            raise AttributeError("__signature__")  # a subclass has a constructor of its own
        return inspect.signature(open).replace(return_annotation=inspect.Signature.empty)


class OmFileReader(Reader):
    """A variable of an OM file: an array, a scalar or a group. The reader of a file is that of its root variable.

    A group is like a mapping of its children: ``len``, ``in``, iteration over names, ``keys``, ``values``, ``items``.
    An array is like a numpy array: ``shape``, ``dtype``, ``len``, iteration over rows, ``np.asarray``. On all of them
    ``reader["name"]`` and ``reader["a/b"]`` give a child, and `attrs` their attributes.

    Parameters
    ----------
    source : object
        A path (str or os.PathLike); a URL of any fsspec protocol, also a chained one such as
        ``simplecache::s3://...``; an ``fsspec.core.OpenFile``, an opened fsspec file, a UPath; a pair of an fsspec
        filesystem or an obstore store and a path; a seekable binary file object; the content of a file (bytes-like,
        io.BytesIO); an `omfiles.io.RangeReader`.
    storage_options : mapping, optional
        For the filesystem of a URL.
    fetch : omfiles.io.FetchOptions, optional
        How many requests of which size are sent to a store; the defaults suit object stores.

    Raises
    ------
    OmFormatError
        The file is damaged, or not an OM file.
    OSError
        It cannot be opened, such as FileNotFoundError. Exceptions of filesystems and stores arrive unchanged.
    OmReadError
        A store sent less than it should, or the file changed while it was being read.

    Examples
    --------
    >>> import numpy as np, omfiles
    >>> omfiles.save("rain.om", np.arange(60, dtype="int16").reshape(3, 4, 5), name="rain")
    >>> with omfiles.OmFileReader("rain.om") as rain:
    ...     rain.shape, rain.dtype, rain[2, 1:3, -1]
    ((3, 4, 5), dtype('int16'), array([49, 54], dtype=int16))
    """

    __signature__ = Signature()

    @classmethod
    def from_path(cls, file_path: str | os.PathLike[str]) -> Self:
        """Open a local file.

        Parameters
        ----------
        file_path : str or os.PathLike
            Its path.
        """
        if not isinstance(file_path, (str, os.PathLike)):
            raise TypeError(f"a path is a str or an os.PathLike, not {type(file_path).__name__}")
        return cls(file_path)

    @classmethod
    def from_fsspec(cls, fs_obj: Any, path: str | os.PathLike[str], *, fetch: FetchOptions | None = None) -> Self:
        """Open a file of an fsspec filesystem.

        Parameters
        ----------
        fs_obj : fsspec.spec.AbstractFileSystem
            Or any object with ``size(path)`` and ``cat_file(path, start=, end=)``.
        path : str or os.PathLike
            The file, with or without the protocol.
        fetch : omfiles.io.FetchOptions, optional
            How many requests of which size are sent.

        Examples
        --------
        >>> import fsspec, numpy as np, omfiles
        >>> memory = fsspec.filesystem("memory")
        >>> with omfiles.OmFileWriter.from_fsspec(memory, "rain.om") as writer:
        ...     writer.close(writer.write_array(np.arange(6), chunks=[6]))
        >>> omfiles.OmFileReader.from_fsspec(memory, "rain.om")[::2]
        array([0, 2, 4])
        """
        from omfiles._stores.fsspec import from_fsspec

        return cls(from_fsspec(fs_obj, path), fetch=fetch)

    # --- children: as a mapping ---------------------------------------------------------------------------------

    @property
    def children(self) -> list[Self]:
        """Readers of all children, in the order of the file."""
        self._fetch_tree()
        return [self.get_child_by_index(i) for i in range(self.num_children)]

    @property
    def attrs(self) -> Attributes:
        """Values of the attributes by name: of the scalar children that have no children themselves."""
        self._require_open()
        return Attributes(self)

    def keys(self) -> KeysView[str]:
        """Names of the children. Of several children with one name the first counts."""
        return self._names().keys()

    def values(self) -> list[Self]:
        """Readers of the children, one for each name."""
        self._fetch_tree()
        return [self.get_child_by_index(i) for i in self._names().values()]

    def items(self) -> list[tuple[str, Self]]:
        """Names and readers of the children."""
        return list(zip(self.keys(), self.values(), strict=True))

    def walk(self, max_depth: int | None = None) -> Iterator[tuple[str, Self]]:
        """Visit this variable and all below it except attributes, depth first and in file order.

        Variables are opened one by one. Of several with one path all are visited; ``reader[path]`` opens the first.

        Parameters
        ----------
        max_depth : int, optional
            How many levels below this variable are visited; 1 for the children only, by default all.

        Yields
        ------
        path : str
            What ``reader[path]`` takes. It is empty for this variable, which comes first.
        variable : OmFileReader
            A reader of its own.

        Raises
        ------
        OmFormatError
            The tree is damaged, has more than 1,000 levels, or contains itself.

        Examples
        --------
        >>> import numpy as np, omfiles
        >>> with omfiles.OmFileWriter("model.om") as writer:
        ...     rain = writer.write_array(np.arange(6).reshape(2, 3), (2, 3), name="rain", attrs={"units": "mm"})
        ...     writer.close(writer.write_group("model", [writer.write_group("surface", [rain])]))
        >>> {path: variable.shape for path, variable in omfiles.open("model.om").walk() if variable.is_array}
        {'surface/rain': (2, 3)}
        """
        self._fetch_tree()
        walk = self._walk()
        paths: list[str] = []  # of the last variable of each level
        for variable in walk:
            depth = walk.depth
            path = f"{paths[depth - 1]}/{variable.name}" if depth > 1 else variable.name if depth else ""
            paths[depth:] = [path]
            if depth == max_depth:
                walk.skip_children()
            yield path, variable

    def __contains__(self, key: object) -> bool:
        if isinstance(key, str):
            return self._find(key) is not None
        return self.is_array and key in self[...]

    def _find(self, path: str) -> Self | None:
        """The child at a path. Names may contain slashes, so all ways to take the path apart are tried."""
        candidates = [(self, path)]
        while candidates:
            node, rest = candidates.pop()
            if (index := node._index_of(rest)) is not None:
                return node.get_child_by_index(index)
            slash = rest.rfind("/")
            while slash >= 0:
                if (index := node._index_of(rest[:slash])) is not None:
                    candidates.append((node.get_child_by_index(index), rest[slash + 1 :]))
                slash = rest.rfind("/", 0, slash)
        return None

    def _descend(self, path: str) -> Self:
        child = self._find(path)
        if child is None:
            # The message is about the last variable on the way that is there.
            node = self
            while (name := path.partition("/")[0]) != path and (below := node._find(name)) is not None:
                node, path = below, path[len(name) + 1 :]
            raise KeyError(f"{node.name!r} has no child {path!r}; {suggest_names(path, node.keys())}")
        return child

    def _origin(self) -> tuple[Any, ...]:
        """What opens this variable anew, which is equal for readers of the same variable of the same file.

        Raises
        ------
        TypeError
            The file cannot be opened anew: it was passed as an open file object.
        """
        reduced: Any = self.__reduce__()
        cls, source, indices = reduced[1]
        return cls, source if self._remote is None else self._remote.reader.__reduce__(), indices

    def _require_open(self) -> None:
        if self.closed:
            raise ValueError("the reader is closed")

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.keys())

    # --- data: as an array --------------------------------------------------------------------------------------

    def __len__(self) -> int:
        if self.is_array:
            return self.shape[0]
        if self.is_group:
            return len(self._names())
        raise TypeError(f"a scalar such as {self.name!r} has no length")

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        if self.is_array:
            return self._rows()
        if self.is_group:
            return iter(self._names())
        raise TypeError(f"a scalar such as {self.name!r} cannot be iterated over")

    def _rows(self) -> Iterator[np.ndarray]:
        """Rows one by one; those of one chunk are read together."""
        step = max(1, min(self.chunks[0], clamp_to_limit(SLAB_SIZE) * len(self) // self.nbytes))
        for start in range(0, len(self), step):
            for row in self[start : start + step]:
                yield np.array(row)

    def _read_remote(self, key: Any, out: np.ndarray | None) -> np.ndarray:
        """Read a basic selection of an array in a store, for the compiled part of the reader."""
        [array] = read_arrays.read_together([(self, key, out)])
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("the data of a file cannot become an array without being copied")
        array = np.asarray(self.read_scalar()) if self.is_scalar else self[...]
        return array if dtype is None else array.astype(dtype, copy=False)

    @property
    def oindex(self) -> Selector:
        """Selection along each dimension on its own, such as ``reader.oindex[[3, 0], :, mask]``."""
        self._require_open()
        return Selector(self, read_arrays.orthogonal)

    @property
    def vindex(self) -> Selector:
        """Selection point by point; ``reader.vindex[[3, 0], [1, 4]]`` gives the elements (3, 1) and (0, 4)."""
        self._require_open()
        return Selector(self, read_arrays.pointwise)

    # --- display ------------------------------------------------------------------------------------------------

    def tree(self, limit: int = 10_000) -> str:
        """All variables below and including this one as text: names, types, shapes, attributes.

        No data of arrays are read.

        Parameters
        ----------
        limit : int
            Most variables that are shown, attributes included.

        Examples
        --------
        >>> import numpy as np, omfiles
        >>> omfiles.save("t2m.om", np.zeros((2, 3), "f4"), name="t2m", scale_factor=20, attrs={"units": "K"})
        >>> print(omfiles.open("t2m.om").tree())
        t2m  float32 (2, 3) chunks (2, 3) pfor_delta_2d scale 20  {units: 'K'}
        """
        self._fetch_tree()
        return display.tree(self, limit)

    def __repr__(self) -> str:
        return display.summary(self)

    def _repr_html_(self) -> str:
        if not self.closed:
            self._fetch_tree()
        return display.html(self)


class Selector:
    """What `OmFileReader.oindex` and `OmFileReader.vindex` give: takes a selection in brackets."""

    def __init__(self, reader: OmFileReader, select: read_arrays.Select) -> None:
        self._reader = reader
        self._select = select

    def __getitem__(self, key: Any) -> np.ndarray:
        return read_arrays.read_selection(self._reader, self._select, key)


def open(
    source: Any, *, storage_options: Mapping[str, Any] | None = None, fetch: FetchOptions | None = None
) -> OmFileReader:
    """Open an OM file for reading.

    Parameters
    ----------
    source : object
        A path, a URL, a file of fsspec, the content of a file, and what else `OmFileReader` takes.
    storage_options : mapping, optional
        For the filesystem of a URL.
    fetch : omfiles.io.FetchOptions, optional
        How many requests of which size are sent to a store.

    Returns
    -------
    OmFileReader
        Its root variable.

    Examples
    --------
    >>> import numpy as np, omfiles
    >>> omfiles.save("rain.om", np.arange(6, dtype="uint8"), name="rain")
    >>> omfiles.open("rain.om").name
    'rain'
    """
    return OmFileReader(source, storage_options=storage_options, fetch=fetch)
