# SPDX-License-Identifier: MIT
"""Other stores with the same data and the same chunks: how fast they write and read it, and how much space it takes.

Run by `run.py`, in a process of its own on one core; prints JSON. Stores whose packages are missing are left out. All
get what `pfor_delta_2d` keeps, multiples of 1 / scale, so that none has to store noise that another one drops.
"""

from __future__ import annotations

import importlib
import json
import shutil
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from cases import SCALE, Field, Suite
from worker import pin, time_loops

import omfiles

Chunks = tuple[int, ...]


@dataclass(frozen=True)
class Store:
    """A way to keep an array in a file or folder."""

    name: str
    packages: tuple[str, ...]
    write: Callable[[Path, np.ndarray, Chunks], Any]
    read: Callable[[Path], Any]

    def is_there(self) -> bool:
        try:
            for package in self.packages:
                importlib.import_module(package)
        except ImportError:
            return False
        return True


def om(compression: str) -> Store:
    def write(path: Path, values: np.ndarray, chunks: Chunks) -> None:
        with omfiles.OmFileWriter(path) as writer:
            writer.write_array(values, chunks, SCALE, 0.0, compression)

    def read(path: Path) -> np.ndarray:
        with omfiles.OmFileReader(path) as reader:
            return reader[...]

    return Store(f"this library, {compression}", (), write, read)


def hdf5(name: str, **compression: Any) -> Store:
    def write(path: Path, values: np.ndarray, chunks: Chunks) -> None:
        import h5py
        import hdf5plugin

        options = compression or hdf5plugin.Bitshuffle(cname="lz4")
        with h5py.File(path, "w") as file:
            file.create_dataset("data", data=values, chunks=chunks, **options)

    def read(path: Path) -> Any:
        import h5py

        with h5py.File(path) as file:
            return file["data"][...]

    return Store(f"h5py, {name}", ("h5py", "hdf5plugin"), write, read)


def netcdf4() -> Store:
    def write(path: Path, values: np.ndarray, chunks: Chunks) -> None:
        import netCDF4

        names = [f"dim{i}" for i in range(values.ndim)]
        with netCDF4.Dataset(path, "w") as file:
            for name, size in zip(names, values.shape):
                file.createDimension(name, size)
            file.createVariable("data", "f4", names, zlib=True, shuffle=True, chunksizes=chunks)[:] = values

    def read(path: Path) -> Any:
        import netCDF4

        with netCDF4.Dataset(path) as file:
            file.set_auto_mask(False)
            return file["data"][:]

    return Store("netCDF4, zlib and shuffle", ("netCDF4",), write, read)


def zarr() -> Store:
    def write(path: Path, values: np.ndarray, chunks: Chunks) -> None:
        import zarr
        from zarr.codecs import BloscCodec

        codec = BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle")
        zarr.create_array(path, data=values, chunks=chunks, compressors=codec, overwrite=True)

    def read(path: Path) -> Any:
        import zarr

        array = zarr.open_array(path, mode="r")
        return array[...]

    return Store("zarr, blosc with lz4 and bitshuffle", ("zarr",), write, read)


def blosc2(codec: str, shuffle: str) -> Store:
    def write(path: Path, values: np.ndarray, chunks: Chunks) -> None:
        import blosc2

        cparams = {"codec": blosc2.Codec[codec], "filters": [blosc2.Filter[shuffle]], "nthreads": 1}
        blosc2.asarray(values, urlpath=str(path), mode="w", chunks=chunks, blocks=chunks, cparams=cparams)

    def read(path: Path) -> Any:
        import blosc2

        return blosc2.open(str(path), mode="r", dparams={"nthreads": 1})[...]

    return Store(f"blosc2, {codec.lower()} and {shuffle.lower()}", ("blosc2",), write, read)


def pcodec() -> Store:
    """It has no files: its chunks one after another, with a list of what and where they are at the end."""

    def places(shape: Chunks, chunks: Chunks) -> list[tuple[slice, ...]]:
        starts = product(*(range(0, n, chunk) for n, chunk in zip(shape, chunks)))
        return [tuple(slice(at, at + n) for at, n in zip(start, chunks)) for start in starts]

    def write(path: Path, values: np.ndarray, chunks: Chunks) -> None:
        from pcodec import ChunkConfig, standalone

        config = ChunkConfig()
        parts = [
            standalone.simple_compress(np.ascontiguousarray(values[place]).reshape(-1), config)
            for place in places(values.shape, chunks)
        ]
        index = json.dumps({"shape": values.shape, "chunks": chunks, "sizes": list(map(len, parts))}).encode()
        path.write_bytes(b"".join([*parts, index, len(index).to_bytes(8, "little")]))

    def read(path: Path) -> Any:
        from pcodec import standalone

        data = path.read_bytes()
        index = json.loads(data[-8 - int.from_bytes(data[-8:], "little") : -8])
        values = np.empty(index["shape"], np.float32)
        start = 0
        for place, size in zip(places(index["shape"], index["chunks"]), index["sizes"], strict=True):
            part = values[place]
            part[...] = np.reshape(standalone.simple_decompress(data[start : start + size]), part.shape)
            start += size
        return values

    return Store("pcodec, each chunk by itself", ("pcodec",), write, read)


STORES = [
    om("pfor_delta_2d"),
    om("fpx_xor_2d"),
    hdf5("bitshuffle with lz4"),
    hdf5("gzip and shuffle", compression="gzip", shuffle=True),
    netcdf4(),
    zarr(),
    blosc2("LZ4", "BITSHUFFLE"),
    blosc2("ZSTD", "SHUFFLE"),
    pcodec(),
]


def size_of(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def measure(name: str, field: Field, folder: Path, rounds: int) -> list[dict[str, Any]]:
    """Let all stores take turns; medians of CPU time."""
    values = np.rint(field.values() * np.float32(SCALE)) / np.float32(SCALE)
    stores = {store: folder / f"store-{i}" for i, store in enumerate(STORES) if store.is_there()}
    seconds: dict[tuple[Store, str], list[float]] = {(store, do): [] for store in stores for do in ("write", "read")}
    for _ in range(rounds):
        for store, path in stores.items():
            remove(path)
            seconds[store, "write"].append(time_loops(partial(store.write, path, values, field.chunks), 1))
            seconds[store, "read"].append(time_loops(partial(store.read, path), 1))
    for store, path in stores.items():
        if not np.array_equal(store.read(path), values):
            raise SystemExit(f"{store.name} does not read what it wrote")
    return [
        {
            "data": name,
            "name": store.name,
            "n_bytes": field.n_bytes,
            "size": size_of(path),
            "write_seconds": statistics.median(seconds[store, "write"]),
            "read_seconds": statistics.median(seconds[store, "read"]),
        }
        for store, path in stores.items()
    ]


def main(folder: Path, quick: bool) -> None:
    pin()
    suite = Suite(quick)
    rounds = 1 if quick else 5
    fields = {"map 64x64": suite.map, "series 6x6x504": suite.series}
    print(json.dumps([result for name, field in fields.items() for result in measure(name, field, folder, rounds)]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] == "quick")
