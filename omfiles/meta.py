# SPDX-License-Identifier: MIT
"""Metadata files that Open-Meteo puts beside its data, in JSON."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from typing import Self

    from omfiles.grids import OmGrid

__all__ = ["EPOCH", "OmChunksMeta", "OmMetaBase", "OmSpatialMeta", "to_datetime64"]

EPOCH = np.datetime64(0, "s")
"""Where times are counted from: 1970-01-01T00:00:00."""
ZONE = re.compile(r"T.*(Z|[+-]\d\d(:?\d\d)?)$")


@dataclass
class OmMetaBase:
    """What all metadata have in common.

    Parameters
    ----------
    crs_wkt : str
        Coordinate reference system of the grid, see `omfiles.grids.OmGrid`.
    """

    crs_wkt: str

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Take the fields of a mapping; others in it do not matter.

        Parameters
        ----------
        data : mapping
            Values by name.

        Raises
        ------
        TypeError
            A field is missing.
        """
        return cls(**{field.name: data[field.name] for field in dataclasses.fields(cls) if field.name in data})

    @classmethod
    def from_metajson_string(cls, metajson_str: str | bytes) -> Self:
        """Parse the content of a metadata file.

        Parameters
        ----------
        metajson_str : str or bytes
            JSON.

        Raises
        ------
        json.JSONDecodeError
            It is not JSON.
        TypeError
            A field is missing.
        """
        data = json.loads(metajson_str)
        if not isinstance(data, dict):
            raise TypeError(f"the metadata must be an object of JSON, not {type(data).__name__}")
        return cls.from_dict(data)

    @classmethod
    def from_s3_json_path(cls, s3_json_path: str, fs: Any) -> Self:
        """Read a metadata file.

        Parameters
        ----------
        s3_json_path : str
            For example ``openmeteo/data/dwd_icon/static/meta.json``.
        fs : fsspec.spec.AbstractFileSystem
            Where it is; any object with ``cat_file(path)``.
        """
        return cls.from_metajson_string(fs.cat_file(s3_json_path))

    def get_grid(self, shape: Sequence[int]) -> OmGrid:
        """Make the grid of the model.

        Parameters
        ----------
        shape : sequence of two int
            ``(ny, nx)``, the first two dimensions of an array.
        """
        from omfiles.grids import OmGrid  # not before it is needed: most who read metadata want times

        return OmGrid(self.crs_wkt, shape)


@dataclass
class OmSpatialMeta(OmMetaBase):
    """Metadata of a run of a model whose files have all variables of one time: ``data_spatial/<model>/latest.json``.

    Parameters
    ----------
    crs_wkt : str
        Coordinate reference system of the grid.
    last_modified_time, reference_time : str
        When it was written, and when the run began, as ISO 8601.
    valid_times : list of str
        Times that it has, as ISO 8601; `times` has them for selecting.
    variables : list of str
        Variables that it has.

    Examples
    --------
    >>> from omfiles.meta import OmSpatialMeta
    >>> OmSpatialMeta.from_metajson_string('''{"crs_wkt": "", "last_modified_time": "2025-07-23T09:12:00Z",
    ...     "reference_time": "2025-07-23T06:00Z", "valid_times": ["2025-07-23T07:00Z"],
    ...     "variables": ["temperature_2m"], "completed": true}''').times
    array(['2025-07-23T07:00:00'], dtype='datetime64[s]')
    """

    last_modified_time: str
    reference_time: str
    valid_times: list[str]
    variables: list[str]

    @property
    def times(self) -> npt.NDArray[np.datetime64]:
        """The `valid_times` in UTC as datetime64[s], in their order: ``ds.sel(valid_time=run.times[1])``."""
        return np.array([to_datetime64(time) for time in self.valid_times], "M8[s]")

    @property
    def forecast_reference_time(self) -> np.datetime64:
        """The `reference_time` in UTC as datetime64[s]."""
        return to_datetime64(self.reference_time).astype("M8[s]")


@dataclass
class OmChunksMeta(OmMetaBase):
    """Metadata of a time series in chunk files: ``data/<model>/static/meta.json``.

    Parameters
    ----------
    crs_wkt : str
        Coordinate reference system of the grid.
    chunk_time_length : int
        Times in each file.
    data_end_time, last_run_availability_time, last_run_initialisation_time, last_run_modification_time : int
        Seconds since 1970.
    temporal_resolution_seconds, update_interval_seconds : int
        Seconds between times, and between runs.

    Examples
    --------
    >>> import numpy as np
    >>> from omfiles.meta import OmChunksMeta
    >>> meta = OmChunksMeta("", 121, 1753300800, 1753265100, 1753250400, 1753264200, 3600, 10800)
    >>> meta.time_to_chunk_index(np.datetime64("2025-07-23"))
    4024
    >>> meta.get_chunk_time_range(4024)[[0, -1]]
    array(['2025-07-18T16:00:00', '2025-07-23T16:00:00'], dtype='datetime64[s]')
    """

    chunk_time_length: int
    data_end_time: int
    last_run_availability_time: int
    last_run_initialisation_time: int
    last_run_modification_time: int
    temporal_resolution_seconds: int
    update_interval_seconds: int

    def time_to_chunk_index(self, timestamp: np.datetime64 | datetime | str) -> int:
        """Find the file that has a time.

        Parameters
        ----------
        timestamp : numpy.datetime64, datetime.datetime, pandas.Timestamp or str
            Without a time zone it is UTC.

        Returns
        -------
        int
            Number of the file.

        Raises
        ------
        ValueError
            It is not a time (NaT).
        """
        seconds = (to_datetime64(timestamp) - EPOCH) // np.timedelta64(1, "s")
        return int(seconds) // (self.chunk_time_length * self.temporal_resolution_seconds)

    def chunks_for_date_range(
        self, start_timestamp: np.datetime64 | datetime | str, end_timestamp: np.datetime64 | datetime | str
    ) -> list[int]:
        """Find the files that have the times of a range.

        Parameters
        ----------
        start_timestamp, end_timestamp : numpy.datetime64, datetime.datetime, pandas.Timestamp or str
            First and last time.

        Returns
        -------
        list of int
            Numbers of the files, ascending; empty if the range is reversed.
        """
        return list(range(self.time_to_chunk_index(start_timestamp), self.time_to_chunk_index(end_timestamp) + 1))

    def get_chunk_time_range(self, chunk_index: int) -> npt.NDArray[np.datetime64]:
        """List the times of a file.

        Parameters
        ----------
        chunk_index : int
            Its number.

        Returns
        -------
        ndarray
            datetime64[s] of shape ``(chunk_time_length,)``.
        """
        first = chunk_index * self.chunk_time_length
        steps = np.arange(first, first + self.chunk_time_length) * self.temporal_resolution_seconds
        return EPOCH + steps.astype("timedelta64[s]")


def to_datetime64(time: Any) -> np.datetime64:
    """Return a time in UTC as numpy has it, by which xarray and pandas select.

    Their times have no time zone: they find neither texts of metadata, which end with ``Z``, nor times with a zone.

    Parameters
    ----------
    time : str, int, numpy.datetime64, datetime.datetime or pandas.Timestamp
        A text is ISO 8601, a number seconds since 1970. Without a time zone it is UTC.

    Raises
    ------
    ValueError
        It is not a time (NaT), or a text of another form.

    Examples
    --------
    >>> from omfiles.meta import to_datetime64
    >>> str(to_datetime64("2025-07-23T07:00Z")), str(to_datetime64(1753254000))
    ('2025-07-23T07:00:00', '2025-07-23T07:00:00')
    """
    if isinstance(time, str) and ZONE.search(time):
        time = datetime.fromisoformat(time)
        if not time.microsecond:
            return to_datetime64(round(time.timestamp()))
    if isinstance(time, (int, np.integer)):
        return np.datetime64(int(time), "s")
    if isinstance(time, datetime) and time.tzinfo is not None:
        time = time.astimezone(UTC).replace(tzinfo=None)
    # NaT is not equal to itself. numpy knows neither that of pandas nor, without a warning, the texts for it.
    missing = time.lower() in ("", "nat") if isinstance(time, str) else time != time
    found = np.datetime64("NaT", "s") if missing else np.datetime64(time)
    if np.isnat(found):
        raise ValueError("a time is needed, but this is NaT (not a time)")
    return found
