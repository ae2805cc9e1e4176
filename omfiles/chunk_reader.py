# SPDX-License-Identifier: MIT
"""Read time series of Open-Meteo, which are cut into chunk files of some hundred times each."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from omfiles._reading.reader import OmFileReader
from omfiles.errors import OmError, OmFormatError
from omfiles.meta import OmChunksMeta, to_datetime64

__all__ = ["OmChunkFileReader"]

CONCURRENT_FILES = 16
"""Files that are read at once. Reading a few values of one takes some round trips, during which there is nothing else
to do."""


class OmChunkFileReader:
    """A variable of a model, from the files ``chunk_<n>.om`` of a folder.

    Parameters
    ----------
    chunks_meta : OmChunksMeta
        Metadata of the model.
    fs : fsspec.spec.AbstractFileSystem
        Where the files are.
    chunk_files_path : str
        Their folder, for example ``openmeteo/data/dwd_icon/temperature_2m``.
    start_date, end_date : numpy.datetime64, datetime.datetime, pandas.Timestamp or str
        First and last time, both included. Without a time zone it is UTC; see `omfiles.meta.to_datetime64`.

    Attributes
    ----------
    chunk_indices : list of int
        Numbers of the files.

    Raises
    ------
    ValueError
        `start_date` is after `end_date`, or one of them is NaT.

    Examples
    --------
    >>> import fsspec, numpy as np, omfiles
    >>> from omfiles.chunk_reader import OmChunkFileReader
    >>> from omfiles.meta import OmChunksMeta
    >>> meta = OmChunksMeta("", 24, 0, 0, 0, 0, 3600, 3600)
    >>> for day in (0, 1):
    ...     hours = np.arange(24 * day, 24 * day + 24, dtype="float32")
    ...     omfiles.save(f"chunk_{day}.om", np.broadcast_to(hours, (2, 3, 24)), name="hours")
    >>> start, end = np.datetime64("1970-01-01T22"), np.datetime64("1970-01-02T01")
    >>> reader = OmChunkFileReader(meta, fsspec.filesystem("file"), ".", start, end)
    >>> times, hours = reader.load_data((2, 0))
    >>> str(times[0]), hours
    ('1970-01-01T22:00:00', array([22., 23., 24., 25.], dtype=float32))
    """

    def __init__(
        self,
        chunks_meta: OmChunksMeta,
        fs: Any,
        chunk_files_path: str,
        start_date: np.datetime64 | datetime | str,
        end_date: np.datetime64 | datetime | str,
    ) -> None:
        self._start, self._end = to_datetime64(start_date), to_datetime64(end_date)
        if self._start > self._end:
            raise ValueError(f"start_date must be <= end_date, but {start_date} is after {end_date}")
        self.chunks_meta = chunks_meta
        self.fs = fs
        self.chunk_files_path = chunk_files_path
        self.start_date = start_date
        self.end_date = end_date
        self.chunk_indices = chunks_meta.chunks_for_date_range(start_date, end_date)

    def iter_files(self) -> Iterator[tuple[int, str]]:
        """Return the number and the path of each file."""
        for index in self.chunk_indices:
            yield index, f"{self.chunk_files_path}/chunk_{index}.om"

    def load_data(
        self, spatial_index: tuple[int | slice, int | slice]
    ) -> tuple[npt.NDArray[np.datetime64], npt.NDArray[np.float32]]:
        """Read the values of some grid points, from several files at once.

        Parameters
        ----------
        spatial_index : tuple of int or slice
            ``(x, y)``, such as `omfiles.grids.OmGrid.find_point_xy` gives; but that gives None for a place outside of
            the grid, which is no index.

        Returns
        -------
        tuple of ndarray
            Times, datetime64[s] of shape ``(nt,)``, and values, float32 of shape ``(nt,)`` for two ints and
            ``(ny, nx, nt)`` for two slices. If no time is in the range, nt is 0.

        Raises
        ------
        FileNotFoundError
            A file is missing; the message has its path.
        RuntimeError
            The index is no pair, or does not fit the array of a file; or a file is damaged, or has fewer times than
            the metadata say (`omfiles.OmFormatError`).
        OSError
            Exceptions of the filesystem arrive unchanged.
        """
        if spatial_index is None:
            raise RuntimeError(
                "spatial_index is None, not (x, y): find_point_xy gives that for a place outside of the grid; "
                "find_points raises an error that names the place and the reach of the grid"
            )
        parts = [(path, *self._times(index)) for index, path in self.iter_files()]
        # If no time is in the range, the first file says how many points there are.
        parts = [part for part in parts if len(part[1])] or parts[:1]
        with ThreadPoolExecutor(CONCURRENT_FILES) as pool:
            values = list(pool.map(lambda part: self._read(part[0], spatial_index, part[2]), parts))
        return np.concatenate([times for _, times, _ in parts]), np.concatenate(values, axis=-1)

    def _times(self, index: int) -> tuple[npt.NDArray[np.datetime64], slice]:
        """Times of a file that are in the range, and where they are in it."""
        times = self.chunks_meta.get_chunk_time_range(index)
        first, last = np.searchsorted(times, self._start), np.searchsorted(times, self._end, side="right")
        return times[first:last], slice(int(first), int(last))

    def _read(self, path: str, spatial_index: tuple[int | slice, int | slice], part: slice) -> npt.NDArray[np.float32]:
        try:
            x, y = spatial_index
            with OmFileReader.from_fsspec(self.fs, path) as reader:
                values = np.asarray(reader[y, x, part], np.float32)
                if values.shape[-1] != part.stop - part.start:
                    length = self.chunks_meta.chunk_time_length
                    raise OmFormatError(f"it has {reader.shape[-1]} times instead of {length}", path=path)
                return values
        except FileNotFoundError as error:
            raise FileNotFoundError(errno.ENOENT, "the chunk file is missing", path) from error
        except OmError:
            raise
        except (IndexError, TypeError, ValueError) as error:
            raise RuntimeError(f"cannot read {spatial_index} of {path}: {error}") from error
