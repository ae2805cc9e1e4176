# SPDX-License-Identifier: MIT
"""Writing files: `OmFileWriter`, its handles of written variables, and `save` for a single array."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from omfiles._chunk_grid import ArgumentError, element_index
from omfiles._core import ARRAY_TYPES
from omfiles._native.record import MAX_LEVELS
from omfiles._native.writer import ArrayEncoder, Output
from omfiles._writing.array_spec import EXACT, ArraySpec, Scalar, attributes, encode_name, plain_array, scalar
from omfiles._writing.encode import EncodedPart, Item, append_array, append_item, array_encoder
from omfiles._writing.local_sink import Sink
from omfiles._writing.open_sink import open_sink
from omfiles._writing.steps import Coarseness, reach, warn_if_coarse

__all__ = ["OmFileWriter", "OmWriterVariable", "save", "write_from_producer"]

GROUP = 0
UNWRITTEN = (0, 0)


class OmWriterVariable:
    """A variable that an `OmFileWriter` has written: to be the child of another one, or the root.

    Its ``write_...`` methods return it; it cannot be made otherwise.

    Attributes
    ----------
    name : str
        The variable's name.
    """

    __slots__ = ("_array", "_children", "_encoded_name", "_n_levels", "_name", "_record", "_type", "_value", "_writer")

    _name: str
    _encoded_name: bytes
    _type: int
    _value: bytes
    _array: ArrayEncoder | None
    _children: list[OmWriterVariable]
    _n_levels: int
    _record: tuple[int, int]  # offset and size of the record; UNWRITTEN until it is written
    _writer: object

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("an OmWriterVariable is returned by the write_... methods of OmFileWriter, not made directly")

    @property
    def name(self) -> str:
        """The variable's name."""
        return self._name

    def __repr__(self) -> str:
        return f"OmWriterVariable(name={self._name!r})"


class OmFileWriter:
    """Writes one file: arrays, scalars and groups, children first; the one given to `close` is the root.

    A local file appears under its name only when `close` has succeeded, and then it is complete; until then an older
    file of that name stays as it was, and the new one is a hidden file ``.<name>.<random>.om-part`` beside it.
    `discard`, an exception in a ``with`` block, and dropping the writer remove that file. The operating system has all
    bytes when `close` returns, but they are not forced to the disk (``os.fsync``).

    A ``with`` block that ends without `close` closes the file itself if exactly one of the written variables is no
    other's child: that is the root. If it is not clear which one is meant, the file is discarded with a `ValueError`.

    A writer may be used from several threads; their calls are done one after another.

    Parameters
    ----------
    file_path : str, os.PathLike, fsspec.core.OpenFile or UPath
        The file to write: a path, or a URL of any fsspec protocol. On an object store it is a multipart upload, which
        `close` completes and `discard` aborts.
    metadata_placement : {"tail", "inline"}
        Where the descriptions of variables go: all together to the end of the file, where remote readers get them in
        one request, or each of them behind its array's data. With ``"tail"`` variables that cannot be reached from the
        root leave no description.
    storage_options : mapping, optional
        For the filesystem of a URL.

    Examples
    --------
    >>> import os, numpy as np
    >>> from omfiles import OmFileWriter
    >>> t2m = np.linspace(250, 300, 240 * 37 * 49, dtype=np.float32).reshape(240, 37, 49)
    >>> with OmFileWriter("t2m.om") as writer:
    ...     lat = writer.write_array(np.linspace(30, 60, 37), chunks="auto", compression="fpx_xor_2d", name="lat")
    ...     temperature = writer.write_array(
    ...         t2m, chunks=(24, 37, 49), scale_factor=20, name="t2m", attrs={"units": "K"}, dims=("time", "lat", "lon")
    ...     )
    ...     writer.close(writer.write_group("forecast", [lat, temperature]))
    >>> os.path.getsize("t2m.om") < t2m.nbytes / 4
    True
    """

    def __init__(
        self,
        file_path: Any,
        metadata_placement: str = "tail",
        *,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        inline = _is_inline(metadata_placement)
        self._start(open_sink(file_path, storage_options), inline)

    @classmethod
    def at_path(cls, path: str | os.PathLike[str], metadata_placement: str = "tail") -> OmFileWriter:
        """Write a local file: the same as ``OmFileWriter(path, metadata_placement)``."""
        return cls(path, metadata_placement)

    @classmethod
    def from_fsspec(cls, fs_obj: Any, path: str | os.PathLike[str], metadata_placement: str = "tail") -> OmFileWriter:
        """Write a file of an fsspec filesystem. It is sent in order, in parts, and appears when `close` succeeds.

        Parameters
        ----------
        fs_obj : fsspec.spec.AbstractFileSystem
            Or any object with ``open(path, "wb")``.
        path : str or os.PathLike
            The file, with or without the protocol.
        metadata_placement : {"tail", "inline"}
            As for the constructor.
        """
        from omfiles._writing.fsspec_sink import sink_of_fsspec

        inline = _is_inline(metadata_placement)
        writer = cls.__new__(cls)
        writer._start(sink_of_fsspec(fs_obj, path), inline)
        return writer

    def _start(self, sink: Sink, inline: bool) -> None:
        self._sink = sink
        self._out = Output(sink, _give_up_dropped)
        self._out.put_header()
        self._inline = inline
        self._token = object()  # what makes handles ours; they must not keep the writer alive
        self._tops: dict[OmWriterVariable, None] = {}  # variables that are no other's child
        self._lock = threading.RLock()
        self._streaming = False

    # --- arrays -------------------------------------------------------------------------------------------------

    def write_array(
        self,
        data: npt.NDArray[Any],
        chunks: Sequence[int] | npt.NDArray[Any] | str,
        scale_factor: float = 1.0,
        add_offset: float = 0.0,
        compression: str = "pfor_delta_2d",
        name: str = "data",
        children: Sequence[OmWriterVariable] | None = None,
        *,
        attrs: Mapping[str, Any] | None = None,
        dims: Sequence[str] | None = None,
        overflow: str = "raise",
        precision: float | None = None,
    ) -> OmWriterVariable:
        """Write an array.

        Parameters
        ----------
        data : numpy.ndarray
            float32, float64 or integers of 8 to 64 bits, in any memory layout, with at least one dimension and no
            extent of 0. Masked arrays are refused: fill them first.
        chunks : sequence of int or "auto"
            Extent of a chunk along each dimension; longer ones than the array's are clipped. ``"auto"`` chooses chunks
            of at most 64 KiB with extents as equal as possible (twice as long along the last dimension), so that maps
            and series are read about equally well; see `omfiles.auto_chunks`.
        scale_factor, add_offset : float
            Floats are stored as integers, ``round((x + add_offset) * scale_factor)``, so what is read back differs by
            half of ``1 / scale_factor`` at most (plus rounding of the arithmetic). The default, that of omfiles 1.2.0,
            rounds floats to whole numbers. NaN stays NaN. Kept as float32. Without effect on integers and
            ``"fpx_xor_2d"``. It is the inverse of NetCDF's ``scale_factor``; `precision` cannot be mistaken.
        compression : str
            - ``"pfor_delta_2d"``: all types; integers exactly, float32 through 32-bit integers, float64 through 64-bit
            - ``"fpx_xor_2d"``: floats, exactly
            - ``"pfor_delta_2d_int16"``: float32 through 16-bit integers
            - ``"pfor_delta_2d_int16_logarithmic"``: float32 above -1, as ``log10(1 + x) * scale_factor`` in 16 bits
        name : str
            Name of the variable, at most 65535 bytes of UTF-8.
        children : sequence of OmWriterVariable, optional
            Variables below this one.
        attrs : mapping, optional
            Attributes, written as scalars below this variable; see `write_scalar` for their types.
        dims : sequence of str, optional
            Names of the dimensions, written as the attribute ``coordinates``, where xarray finds them.
        overflow : {"raise", "clip", "nan"}
            What becomes of floats that the integers cannot hold, such as infinities: a `ValueError` that
            says how many and where, the nearest value that can be held, or NaN.
        precision : float, optional
            Steps of floats: 0.01 keeps multiples of 0.01. It takes the place of `scale_factor`, as ``1 / precision``.

        Returns
        -------
        OmWriterVariable
            To be the child of another variable, or the root.

        Warns
        -----
        UserWarning
            The values differ by less than a few steps of a `scale_factor` of 1 or less, or all become 0.

        Examples
        --------
        >>> import numpy as np, omfiles
        >>> writer = omfiles.OmFileWriter("rain.om")
        >>> rain = np.array([[0, 0.12], [np.inf, 3]], np.float32)
        >>> writer.write_array(rain, (1, 2), scale_factor=10, name="rain")
        Traceback (most recent call last):
        ValueError: variable 'rain': 1 value cannot be held ...; the first one is inf at index (1, 0); ...
        >>> writer.close(writer.write_array(rain, (1, 2), scale_factor=10, name="rain", overflow="nan"))
        """
        array = plain_array(data, "data")
        spec = ArraySpec(
            shape=array.shape,
            chunks=chunks,
            dtype=array.dtype,
            name=name,
            scale_factor=scale_factor,
            add_offset=add_offset,
            compression=compression,
            overflow=overflow,
            precision=precision,
        )
        scalars = attributes(attrs, dims, array.ndim)
        below = self._check_children(children, scalars, spec.name)
        with self._lock:
            self._require_usable()
            below += self._new_scalars(scalars)
            encoder = array_encoder(self._out, spec, spec.shape)
            append_array(encoder, spec, array)
            warn_if_coarse(spec, reach(spec, array), stacklevel=2)
            return self._finish_array(encoder, spec, below)

    def write_array_streaming(
        self,
        dimensions: Sequence[int] | npt.NDArray[Any],
        chunks: Sequence[int] | npt.NDArray[Any] | str,
        chunk_iterator: Iterable[Item],
        dtype: npt.DTypeLike,
        scale_factor: float = 1.0,
        add_offset: float = 0.0,
        compression: str = "pfor_delta_2d",
        name: str = "data",
        children: Sequence[OmWriterVariable] | None = None,
        *,
        attrs: Mapping[str, Any] | None = None,
        dims: Sequence[str] | None = None,
        overflow: str = "raise",
        precision: float | None = None,
    ) -> OmWriterVariable:
        """Write an array from its parts, so that it need not fit in memory.

        The file is the same as by `write_array` of the whole. Needed are one item, some MiB, and 8 bytes a chunk.

        Parameters
        ----------
        dimensions : sequence of int
            Shape of the whole array.
        chunks : sequence of int or "auto"
            As for `write_array`.
        chunk_iterator : iterable of numpy.ndarray
            The parts in C order of the chunk grid. Each one covers one chunk, or several that follow one another: in
            some dimension any number of chunks, in those before it one, in those behind it all. Each is checked
            against what fits there. The writer cannot be used from inside the iterator.
        dtype : numpy.dtype or what makes one
            Of the array, and of each part.
        scale_factor, add_offset, compression, name, children, attrs, dims, overflow, precision
            As for `write_array`; the defaults round floats to whole numbers.

        Returns
        -------
        OmWriterVariable
            To be the child of another variable, or the root.

        Examples
        --------
        Twelve months, one at a time, in chunks of three days:

        >>> import numpy as np, omfiles
        >>> months = (np.full((30, 20, 40), month, np.float32) for month in range(12))
        >>> with omfiles.OmFileWriter("year.om") as writer:
        ...     year = writer.write_array_streaming((360, 20, 40), (3, 20, 40), months, np.float32, scale_factor=10)
        ...     writer.close(year)
        """
        spec = ArraySpec(
            shape=dimensions,
            chunks=chunks,
            dtype=dtype,
            name=name,
            scale_factor=scale_factor,
            add_offset=add_offset,
            compression=compression,
            overflow=overflow,
            precision=precision,
        )
        if not isinstance(chunk_iterator, Iterable):
            raise TypeError(f"chunk_iterator must be an iterable of arrays, not {chunk_iterator!r}")
        return self.write_parts(spec, chunk_iterator, children, attrs=attrs, dims=dims)

    def write_parts(
        self,
        spec: ArraySpec,
        parts: Iterable[Item],
        children: Sequence[OmWriterVariable] | None = None,
        *,
        attrs: Mapping[str, Any] | None = None,
        dims: Sequence[str] | None = None,
    ) -> OmWriterVariable:
        """Write an array from its parts, which may be encoded elsewhere: in other threads, processes, machines.

        It is `write_array_streaming` for an array that an `ArraySpec` describes.

        Parameters
        ----------
        spec : ArraySpec
            The whole array.
        parts : iterable of numpy.ndarray or EncodedPart
            Arrays as `write_array_streaming` takes them, and results of `encode_part`, in C order of the chunk grid.
        children, attrs, dims
            As for `write_array`.

        Returns
        -------
        OmWriterVariable
            To be the child of another variable, or the root.

        Examples
        --------
        >>> import numpy as np
        >>> from omfiles import ArraySpec, OmFileWriter, encode_part
        >>> spec = ArraySpec(name="rain", shape=(4, 6), chunks=(2, 6), dtype="i4")
        >>> parts = [encode_part(spec, np.zeros((2, 6), "i4")), np.ones((2, 6), "i4")]
        >>> with OmFileWriter("rain.om") as writer:
        ...     writer.close(writer.write_parts(spec, parts, attrs={"units": "mm"}))
        """
        if not isinstance(spec, ArraySpec):
            raise TypeError(f"spec must be an ArraySpec, not {spec!r}")
        if not isinstance(parts, Iterable):
            raise TypeError(f"parts must be an iterable of arrays and encoded parts, not {parts!r}")
        items = iter(parts)

        def produce(append: Callable[[Item], None]) -> None:
            for item in items:
                append(item)
                del item  # or it would live until the iterator has made the next one

        return write_from_producer(self, spec, produce, children, attrs, dims)

    def _finish_array(self, encoder: ArrayEncoder, spec: ArraySpec, below: list[OmWriterVariable]) -> OmWriterVariable:
        encoder.finish()
        return self._add(spec.name, ARRAY_TYPES[spec.dtype], b"", encoder, below)

    # --- scalars and groups -----------------------------------------------------------------------------------------

    def write_scalar(
        self, value: Any, name: str, children: Sequence[OmWriterVariable] | None = None
    ) -> OmWriterVariable:
        """Write a single value.

        Parameters
        ----------
        value : str, int, float, numpy scalar or number
            numpy's integers, float32 and float64 keep their type. A Python int becomes int64, or uint64 if it is too
            large for that; a float and what can be converted to one, such as a Fraction, becomes float64.
        name : str
            Name of the variable.
        children : sequence of OmWriterVariable, optional
            Variables below this one.

        Returns
        -------
        OmWriterVariable
            To be the child of another variable, or the root.
        """
        encode_name(name, "name")
        type, stored = scalar(value, name)
        below = self._check_children(children, {}, name)
        with self._lock:
            self._require_usable()
            return self._add(name, type, stored, None, below)

    def write_group(
        self, name: str, children: Sequence[OmWriterVariable], *, attrs: Mapping[str, Any] | None = None
    ) -> OmWriterVariable:
        """Write a group: a variable without value that holds others.

        Parameters
        ----------
        name : str
            Name of the group.
        children : sequence of OmWriterVariable
            Variables below it; may be empty.
        attrs : mapping, optional
            Attributes, written as scalars below the group.

        Returns
        -------
        OmWriterVariable
            To be the child of another group, or the root.
        """
        encode_name(name, "name")
        if children is None:
            raise TypeError("children must be a sequence of OmWriterVariable, not None; it may be empty")
        scalars = attributes(attrs, None, 0)
        below = self._check_children(children, scalars, name)
        with self._lock:
            self._require_usable()
            return self._add(name, GROUP, b"", None, below + self._new_scalars(scalars))

    # --- variables --------------------------------------------------------------------------------------------------

    def _check_children(self, children: Any, scalars: dict[str, Scalar], name: str) -> list[OmWriterVariable]:
        if not isinstance(children, Iterable | None):
            raise TypeError(f"children must be a sequence of OmWriterVariable, not {children!r}")
        below = list(() if children is None else children)
        for child in below:
            self._check_handle(child, "children")
            if child.name in scalars:
                raise ValueError(f"{child.name!r} is among the children and the attributes; names must differ")
        if _count_levels(below) > MAX_LEVELS:
            message = f"{name!r} would have {_count_levels(below)} levels; trees of more than {MAX_LEVELS}"
            raise ValueError(f"{message} levels are not supported")
        return below

    def _check_handle(self, variable: Any, what: str) -> None:
        if not isinstance(variable, OmWriterVariable):
            raise TypeError(f"{what} must be what a write_... method returned, OmWriterVariable, not {variable!r}")
        if variable._writer is not self._token:
            raise ValueError(f"{what}: {variable!r} was written by a different writer")

    def _add(
        self, name: str, type: int, value: bytes, array: ArrayEncoder | None, below: list[OmWriterVariable]
    ) -> OmWriterVariable:
        """Make the handle that a user gets."""
        variable = self._new(name, type, value, array, below)
        for child in below:
            self._tops.pop(child, None)
        self._tops[variable] = None
        return variable

    def _new_scalars(self, scalars: dict[str, Scalar]) -> list[OmWriterVariable]:
        """Make the handles of attributes. With placement "inline" they come before their array's data."""
        return [self._new(name, type, value, None, []) for name, (type, value) in scalars.items()]

    def _new(
        self, name: str, type: int, value: bytes, array: ArrayEncoder | None, children: list[OmWriterVariable]
    ) -> OmWriterVariable:
        """Make a handle, and with placement "inline" write its record."""
        variable = OmWriterVariable.__new__(OmWriterVariable)
        variable._name = name
        variable._encoded_name = name.encode()
        variable._type = type
        variable._value = value
        variable._array = array
        variable._children = children
        variable._n_levels = _count_levels(children)
        variable._record = UNWRITTEN
        variable._writer = self._token
        if self._inline:
            self._put_record(variable)
        return variable

    def _put_record(self, variable: OmWriterVariable) -> None:
        children = [child._record for child in variable._children]
        variable._record = self._out.put_record(
            variable._type, variable._encoded_name, children, variable._value, variable._array
        )

    def _put_records(self, root: OmWriterVariable) -> None:
        """Write the records of all variables below `root` and its own, children before their parents."""
        stack = [(root, False)]
        while stack:
            variable, children_done = stack.pop()
            if variable._record != UNWRITTEN:
                continue
            if children_done:
                self._put_record(variable)
            else:
                stack.append((variable, True))
                stack.extend((child, False) for child in reversed(variable._children))

    # --- life cycle ---------------------------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether the writer was closed or has discarded its file."""
        return self._out.closed

    def close(self, root_variable: OmWriterVariable) -> None:
        """Complete the file and let it appear under its name.

        Parameters
        ----------
        root_variable : OmWriterVariable
            The variable that a reader of the file sees; all others are to be found below it.
        """
        self._check_handle(root_variable, "root_variable")
        with self._lock:
            self._require_usable()
            self._put_records(root_variable)
            self._out.finish(root_variable._record)

    def discard(self) -> None:
        """Give up: remove what was written; an older file of that name stays."""
        with self._lock:
            self._require_usable(failed_too=True)
            self._out.abort()

    def __enter__(self) -> OmFileWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._out.closed:
            return
        if error is not None:
            self._give_up(error)
            return
        try:
            with self._lock:
                self._require_usable()
                root = self._only_top()
            self.close(root)
        except BaseException as failure:
            self._give_up(failure)
            raise

    def _give_up(self, error: BaseException) -> None:
        """Discard the file because of an error, which another one must not take the place of."""
        try:
            self.discard()
        except Exception as failure:
            error.add_note(f"{self._sink.name!r} could not be discarded either: {failure!r}")

    def _only_top(self) -> OmWriterVariable:
        tops = list(self._tops)
        if len(tops) != 1:
            names = ", ".join(repr(top.name) for top in tops[:5]) + (", ..." if len(tops) > 5 else "")
            found = f"{len(tops)} could be it ({names})" if tops else "nothing was written"
            raise ValueError(
                f"{self._sink.name!r} was left without close(root_variable), and it is not clear which variable is the "
                f"root: {found}; the file was discarded"
            )
        return tops[0]

    def __repr__(self) -> str:
        return f"<OmFileWriter {self._sink.name!r}{' closed' if self._out.closed else ''}>"

    def _require_usable(self, failed_too: bool = False) -> None:
        """Raise unless the writer can be used. The lock is held, which lets in this thread from inside an iterator."""
        if self._streaming:
            raise RuntimeError("the writer cannot be used from inside the iterator that it is reading")
        if self._out.closed:
            raise ValueError("the writer is closed")
        if self._out.failed and not failed_too:
            raise ValueError("an earlier write failed, so the file cannot be completed: only discard() is left")


def save(
    path: str | os.PathLike[str],
    array: npt.ArrayLike,
    chunks: Sequence[int] | npt.NDArray[Any] | str = "auto",
    *,
    name: str = "data",
    scale_factor: float | None = None,
    add_offset: float = 0.0,
    compression: str | None = None,
    attrs: Mapping[str, Any] | None = None,
    dims: Sequence[str] | None = None,
    overflow: str = "raise",
    precision: float | None = None,
) -> None:
    """Write a file of one array.

    Without `precision`, `scale_factor` and `compression` nothing is lost: floats are compressed by ``"fpx_xor_2d"``.
    With a `precision` they are rounded to multiples of it, which takes far less space.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write.
    array : array_like
        What to write.
    chunks, name, scale_factor, add_offset, compression, attrs, dims, overflow, precision
        As for `OmFileWriter.write_array`.

    Examples
    --------
    >>> import numpy as np, omfiles
    >>> t2m = np.full((721, 1440), 281.25, np.float32)
    >>> omfiles.save("t2m.om", t2m, precision=0.05, attrs={"units": "K"}, dims=("lat", "lon"))
    """
    data = np.asanyarray(array)
    if precision is not None and scale_factor is not None:
        raise ValueError("precision and scale_factor say the same, so only one of them can be given")
    if compression is None:
        exact = data.dtype.kind == "f" and scale_factor is None and precision is None
        compression = EXACT if exact else "pfor_delta_2d"
    with OmFileWriter(path) as writer:
        writer.write_array(
            data,
            chunks,
            1.0 if scale_factor is None else scale_factor,
            add_offset,
            compression,
            name,
            attrs=attrs,
            dims=dims,
            overflow=overflow,
            precision=precision,
        )


def write_from_producer(
    writer: OmFileWriter,
    spec: ArraySpec,
    produce: Callable[[Callable[[Item], None]], None],
    children: Sequence[OmWriterVariable] | None,
    attrs: Mapping[str, Any] | None,
    dims: Sequence[str] | None,
) -> OmWriterVariable:
    """Write an array from the parts, in order, with which `produce` calls its argument, from whatever thread."""
    scalars = attributes(attrs, dims, len(spec.shape))
    below = writer._check_children(children, scalars, spec.name)
    with writer._lock:
        writer._require_usable()
        below += writer._new_scalars(scalars)
        encoder = array_encoder(writer._out, spec, spec.shape)
        coarseness = Coarseness(spec)
        number = 0

        def append(item: Item) -> None:
            nonlocal number
            append_item(encoder, spec, item, f"variable {spec.name!r}: item {number} of the iterator")
            coarseness.add(item.reach if isinstance(item, EncodedPart) else item)
            number += 1

        writer._streaming = True
        try:
            produce(append)
        finally:
            writer._streaming = False
        if encoder.n_done < encoder.n_chunks:
            at = element_index(spec.shape, spec.chunks, encoder.n_done, 0)
            raise ArgumentError(
                f"variable {spec.name!r}: the iterator ended after {number} items with {encoder.n_done} of "
                f"{encoder.n_chunks} chunks; the next one begins at index {at}"
            )
        coarseness.warn(stacklevel=4)
        return writer._finish_array(encoder, spec, below)


def _count_levels(children: Iterable[OmWriterVariable]) -> int:
    """Levels of a tree whose root has these children."""
    return 1 + max((child._n_levels for child in children), default=0)


def _give_up_dropped(sink: Sink) -> None:
    rest = ""
    try:
        sink.abort()
    except Exception as error:
        rest = f", and what was sent of it could not be given up: {error!r}"
    message = f"OmFileWriter was dropped without calling close(): {sink.name!r} was not written{rest}"
    warnings.warn(message, RuntimeWarning, stacklevel=2, source=sink)


def _is_inline(placement: Any) -> bool:
    if not isinstance(placement, str):
        raise TypeError(f"metadata_placement must be a str, not {placement!r}")
    if placement not in ("tail", "inline"):
        raise ValueError(f"metadata_placement must be 'tail' or 'inline', not {placement!r}")
    return placement == "inline"
