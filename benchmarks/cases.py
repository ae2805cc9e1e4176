# SPDX-License-Identifier: MIT
"""What is measured: seeded data, files made of it, and the workloads.

Both implementations run this code, each in a process of its own (`worker.py`), so it uses only what both offer.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import omfiles

Workload = Callable[[], Any]

SCALE = 20.0  # steps of 0.05
LOG_SCALE = 1000.0
FLOAT_CODECS = ("pfor_delta_2d", "pfor_delta_2d_int16", "fpx_xor_2d", "pfor_delta_2d_int16_logarithmic")
INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")


@dataclass(frozen=True)
class Field:
    """An array and how it is stored."""

    kind: str  # "map" (latitude, longitude) or "series" (latitude, longitude, time)
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: str = "float32"
    compression: str = "pfor_delta_2d"

    @property
    def file_name(self) -> str:
        parts = [self.kind, *self.shape, *self.chunks, self.dtype, self.compression]
        return "-".join(map(str, parts)) + ".om"

    @property
    def n_bytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def values(self) -> np.ndarray:
        """Smooth temperatures in degrees Celsius with noise of about one step, in the field's own type."""
        rng = np.random.default_rng(20)
        lat, lon = (np.linspace(0, end, n, dtype=np.float32) for end, n in zip((3, 6), self.shape[:2], strict=True))
        smooth = 25 * np.sin(lat)[:, None] + 6 * np.sin(3 * lat)[:, None] * np.cos(2 * lon)
        if self.kind == "series":
            hours = np.arange(self.shape[2], dtype=np.float32)
            smooth = smooth[:, :, None] + 5 * np.sin(hours * np.float32(2 * np.pi / 24))
        noise = rng.standard_normal(self.shape, dtype=np.float32)
        dtype = np.dtype(self.dtype)
        if dtype.kind == "f":
            if self.compression.endswith("logarithmic"):
                smooth = smooth + 15
            return (smooth + noise / np.float32(SCALE)).astype(dtype)
        steps = smooth * (2 if dtype.itemsize == 1 else SCALE) + noise
        info = np.iinfo(dtype)
        lowest, highest = max(info.min, -(2**20)), min(info.max, 2**20)
        return np.clip(np.rint(steps) + (0 if info.min else 100), lowest, highest).astype(dtype)

    def write(self, path: Path, values: np.ndarray) -> int:
        """Write `values` to a file, return its size."""
        writer = omfiles.OmFileWriter(str(path))
        scale = LOG_SCALE if self.compression.endswith("logarithmic") else SCALE
        writer.close(writer.write_array(values, self.chunks, scale, 0.0, self.compression, "field"))
        return path.stat().st_size


@dataclass(frozen=True)
class Case:
    """One line of the table: `prepare` opens what is needed and returns the workload that is timed."""

    group: str
    name: str
    field: Field | None
    prepare: Callable[[Case, Path], Workload]
    n_calls: int = 1  # operations in one run of the workload
    n_bytes: int = 0  # bytes of array data in one operation; 0 where that says nothing

    @property
    def exact(self) -> bool:
        """Whether both implementations must give the same bits (powf of the C library may differ)."""
        return self.field is None or not self.field.compression.endswith("logarithmic")


def _file(case: Case, folder: Path) -> str:
    """The file of the case's field; the first one who needs it writes it."""
    assert case.field is not None
    path = folder / case.field.file_name
    if not path.exists():
        case.field.write(path, case.field.values())
    return str(path)


def _open(case: Case, folder: Path) -> Any:
    return omfiles.OmFileReader(_file(case, folder))


def read_all(case: Case, folder: Path) -> Workload:
    reader = _open(case, folder)
    return lambda: reader[...]


def read_same_point(case: Case, folder: Path) -> Workload:
    reader = _open(case, folder)
    key = tuple(n // 2 for n in reader.shape)

    def run() -> np.ndarray:
        for _ in range(case.n_calls - 1):
            reader[key]
        return reader[key]

    return run


def read_keys(case: Case, folder: Path, trailing: tuple[Any, ...] | None = None) -> Workload:
    """Random places; `trailing` replaces the indices of the last dimensions."""
    reader = _open(case, folder)
    rng = np.random.default_rng(21)
    points = rng.integers(0, reader.shape, (case.n_calls, len(reader.shape))).tolist()
    n_random = len(reader.shape) - len(trailing or ())
    keys = [(*point[:n_random], *(trailing or ())) for point in points]
    return lambda: np.stack([reader[key] for key in keys])


def read_series(case: Case, folder: Path) -> Workload:
    return read_keys(case, folder, (slice(None),))


def read_one_map(case: Case, folder: Path) -> Workload:
    reader = _open(case, folder)
    hour = reader.shape[2] // 2
    return lambda: reader[:, :, hour]


def open_and_close(case: Case, folder: Path) -> Workload:
    path = _file(case, folder)

    def run() -> None:
        for _ in range(case.n_calls):
            omfiles.OmFileReader(path).close()

    return run


def _hierarchy(folder: Path, coordinates: Sequence[str] = ()) -> str:
    """A file of 60 small arrays with 4 attributes each, and some arrays of one dimension."""
    path = folder / f"hierarchy-{os.getpid()}.om"
    writer = omfiles.OmFileWriter(str(path))
    values = np.arange(64, dtype=np.float32).reshape(8, 8)
    arrays = []
    for i in range(60):
        attributes = [
            writer.write_scalar("K", "units"),
            writer.write_scalar(f"variable {i}", "long_name"),
            writer.write_scalar("lat lon", "coordinates"),
            writer.write_scalar(np.float64(i), "level"),
        ]
        arrays.append(writer.write_array(values, (8, 8), name=f"variable_{i}", children=attributes))
    arrays += [writer.write_array(values[0], (8,), name=name) for name in coordinates]
    writer.close(writer.write_group("", arrays))
    return str(path)


def open_and_list(case: Case, folder: Path) -> Workload:
    path = _hierarchy(folder)

    def run() -> list[str]:
        with omfiles.OmFileReader(path) as reader:
            return sorted(reader._get_flat_variable_metadata())

    return run


def read_attributes(case: Case, folder: Path) -> Workload:
    path = _hierarchy(folder)

    def run() -> list[Any]:
        found = []
        with omfiles.OmFileReader(path) as reader:
            for i in range(reader.num_children):
                child = reader.get_child_by_index(i)
                for k in range(child.num_children):
                    attribute = child.get_child_by_index(k)
                    found.append((child.name, attribute.name, attribute.read_scalar()))
        return found

    return run


def find_by_name(case: Case, folder: Path) -> Workload:
    path = _hierarchy(folder)

    def run() -> str:
        with omfiles.OmFileReader(path) as reader:
            return str(reader.get_child_by_name("variable_59").name)

    return run


def open_in_xarray(case: Case, folder: Path) -> Workload:
    import xarray

    path = _hierarchy(folder, ("lat", "lon"))

    def run() -> list[str]:
        with xarray.open_dataset(path, engine="om") as dataset:
            return sorted(map(str, dataset.variables))

    return run


def read_point_in_xarray(case: Case, folder: Path) -> Workload:
    import xarray

    variable = xarray.open_dataset(_hierarchy(folder, ("lat", "lon")), engine="om")["variable_7"]

    def run() -> np.ndarray:
        for _ in range(case.n_calls):
            value = variable.isel(lat=3, lon=4).values
        return value

    return run


def write(case: Case, folder: Path) -> Workload:
    field = case.field
    assert field is not None
    values = field.values()
    path = folder / f"written-{os.getpid()}.om"
    return lambda: field.write(path, values)


def write_streamed(case: Case, folder: Path) -> Workload:
    """Write rows of chunks, one after the other."""
    field = case.field
    assert field is not None
    values = field.values()
    step = 4 * field.chunks[0]
    path = folder / f"written-{os.getpid()}.om"

    def run() -> None:
        writer = omfiles.OmFileWriter(str(path))
        rows = (values[at : at + step] for at in range(0, len(values), step))
        writer.close(
            writer.write_array_streaming(
                field.shape, field.chunks, rows, values.dtype, SCALE, 0.0, field.compression, "field"
            )
        )

    return run


@dataclass(frozen=True)
class Suite:
    """The cases for one size of data."""

    quick: bool

    @cached_property
    def map(self) -> Field:
        return Field("map", (181, 361) if self.quick else (1441, 2879), (64, 64))

    @cached_property
    def series(self) -> Field:
        return Field("series", (30, 30, 504) if self.quick else (300, 300, 504), (6, 6, 504))

    @cached_property
    def large(self) -> Field:
        return replace(self.map, shape=(400, 500) if self.quick else (10_000, 10_000))

    def cases(self) -> list[Case]:
        reads = [*self._bulk(), *self._points(), *self._metadata(), *self._xarray()]
        return [*reads, *self._writes(), *self._growth(), *self._threads()]

    def _arrays(self) -> Iterator[tuple[str, Field]]:
        for codec in FLOAT_CODECS:
            yield f"map 64x64 float32 {codec}", replace(self.map, compression=codec)
        for codec in FLOAT_CODECS:
            yield f"map 20x20 float32 {codec}", replace(self.map, chunks=(20, 20), compression=codec)
        for codec in FLOAT_CODECS:
            yield f"series 6x6x504 float32 {codec}", replace(self.series, compression=codec)
        for codec in FLOAT_CODECS:
            yield f"series 1x6x504 float32 {codec}", replace(self.series, chunks=(1, 6, 504), compression=codec)
        for codec in ("pfor_delta_2d", "fpx_xor_2d"):
            yield f"map 64x64 float64 {codec}", replace(self.map, dtype="float64", compression=codec)
        for dtype in INTEGERS:
            yield f"map 64x64 {dtype} pfor_delta_2d", replace(self.map, dtype=dtype)

    def _bulk(self) -> Iterator[Case]:
        for name, field in [*self._arrays(), ("map 64x64 float32 pfor_delta_2d, large", self.large)]:
            yield Case("Bulk read", name, field, read_all, n_bytes=field.n_bytes)

    def _points(self) -> Iterator[Case]:
        small_map = replace(self.map, chunks=(20, 20))
        flat_series = replace(self.series, chunks=(1, 6, 504))
        n_same, n_random = (100, 50) if self.quick else (10_000, 1_000)
        fields = [("map 20x20", small_map), ("map 64x64", self.map)]
        fields += [("series 1x6x504", flat_series), ("series 6x6x504", self.series)]
        for name, field in fields:
            yield Case("Small reads", f"same point, {name}", field, read_same_point, n_same)
        for name, field in fields:
            yield Case("Small reads", f"{n_random:,} random points, {name}", field, read_keys, n_random)
        for name, field in fields[:2]:
            n = 20 * n_random
            yield Case("Small reads", f"{n:,} random points, {name}", field, read_keys, n)
        for name, field in fields[2:]:
            yield Case("Small reads", f"one place, all times, {name}", field, read_series, n_random)
        for name, field in fields[2:]:
            yield Case("Small reads", f"one map out of {name}", field, read_one_map)

    def _metadata(self) -> Iterator[Case]:
        yield Case("Metadata", "open and close", self.map, open_and_close, 100)
        yield Case("Metadata", "open, list 60 variables x 4 attributes", None, open_and_list)
        yield Case("Metadata", "open, read 60 x 4 attributes", None, read_attributes)
        yield Case("Metadata", "open, find the last of 60 variables", None, find_by_name)

    def _xarray(self) -> Iterator[Case]:
        yield Case("xarray", "open 60 variables x 4 attributes", None, open_in_xarray)
        yield Case("xarray", "one point of an opened variable", None, read_point_in_xarray, 100)

    def _writes(self) -> Iterator[Case]:
        for name, field in self._arrays():
            yield Case("Write", name, field, write, n_bytes=field.n_bytes)
        for name, prepare in (("large", write), ("large, streamed", write_streamed)):
            name = f"map 64x64 float32 pfor_delta_2d, {name}"
            yield Case("Write", name, self.large, prepare, n_bytes=self.large.n_bytes)

    def _growth(self) -> Iterator[Case]:
        """From 1 MB to 1 GB."""
        for megabytes, side in ((1, 500), (10, 1581), (100, 5000), (1000, 15_811)):
            field = replace(self.map, shape=(side // 7, side // 7) if self.quick else (side, side))
            for verb, prepare in (("read", read_all), ("write", write)):
                yield Case("Growth", f"{verb} a map of {megabytes} MB", field, prepare, n_bytes=field.n_bytes)

    def _threads(self) -> Iterator[Case]:
        """What is compared between one and several threads of this library, instead of with the peer."""
        for name, field in (("series 6x6x504", self.series), ("map 64x64, large", self.large)):
            for verb, prepare in (("read", read_all), ("write", write)):
                yield Case("Threads", f"{verb} {name}", field, prepare, n_bytes=field.n_bytes)
        yield Case(
            "Threads", "write map 64x64, large, streamed", self.large, write_streamed, n_bytes=self.large.n_bytes
        )
