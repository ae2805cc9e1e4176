# %% tags=["remove-cell"]
# SPDX-License-Identifier: MIT
# %% [markdown]
# # Choosing chunks, scale and codec
#
# Three choices decide how large a file is and how fast it is read. This page measures them on real data: 240 months
# of air temperature over North America on 37 x 49 points, and 54 months of sea surface temperature.

# %%
from pathlib import Path

import iris_sample_data
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

import omfiles
from omfiles.io import FetchOptions, RangeReader

samples = Path(iris_sample_data.path)
air = xr.open_dataset(samples / "E1_north_america.nc")["air_temperature"].values
sea = xr.open_dataset(samples / "ostia_monthly.nc", decode_timedelta=True)[
    "surface_temperature"
].values


def size(values, **options):
    """Bytes of a file of these values."""
    omfiles.save("one.om", values, **options)
    return Path("one.om").stat().st_size


# %% [markdown]
# ## Precision
#
# `precision` is the step between values that are kept; the file has its inverse, `scale_factor`. Measured values have
# noise, and digits below the noise are the most expensive ones: each factor of 10 costs 3.3 bits a value. Choose the
# step that you would defend, not the finest possible. The error is half a step at most.

# %%
precisions = [1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001]
bits = {
    name: [8 * size(values, precision=step) / values.size for step in precisions]
    for name, values in {"air": air, "sea": sea}.items()
}
exact = {
    name: 8 * size(values) / values.size
    for name, values in {"air": air, "sea": sea}.items()
}

print("precision  bits a value: air   sea")
for row in zip(precisions, *bits.values(), strict=True):
    print(f"{row[0]:<9}  {row[1]:17.1f} {row[2]:5.1f}")
print(f"{'exact':9}  {exact['air']:17.1f} {exact['sea']:5.1f}   of 32")

# %% [markdown]
# ## Codec
#
# - Integers: `pfor_delta_2d`, the only one.
# - Floats in steps: `pfor_delta_2d`. If all values lie within 65,534 steps, `pfor_delta_2d_int16` decodes
#   somewhat faster, and is smaller where NaN lie among values, as its mark for them is nearer; values outside are refused
#   when writing.
# - Floats that span magnitudes, such as precipitation: `pfor_delta_2d_int16_logarithmic`. Steps are steps of
#   log10(1 + x), so that the error grows with 1 + x: with a `scale_factor` of 1000 it is at most 0.12 % of that, which
#   is 0.001 for all values far below 1.
# - Every bit: `fpx_xor_2d`.

# %%
codecs = {
    "pfor_delta_2d, steps of 0.05": {"precision": 0.05},
    "pfor_delta_2d_int16, steps of 0.05": {
        "precision": 0.05,
        "compression": "pfor_delta_2d_int16",
    },
    "fpx_xor_2d": {"compression": "fpx_xor_2d"},
}
for name, options in codecs.items():
    air_bytes, sea_bytes = size(air, **options), size(sea, **options)
    print(
        f"{name:36} air {air_bytes / air.nbytes:5.1%}   sea {sea_bytes / sea.nbytes:5.1%} of the values in memory"
    )

# %% [markdown]
# ## Chunks
#
# A chunk is read and decoded as a whole (or up to the last element that is needed). Chunks that are long in time make series
# cheap and maps expensive; flat ones the reverse. So write down what your readers do most, and choose the shape that
# makes it touch few chunks.
#
# Here the bytes that are fetched for one series (one place, all times) and for one map (one time, all
# places), counted by a store that notes what it is asked.


# %%
class Counted(RangeReader):
    """A file in memory that counts the bytes it is asked for."""

    name = "counted"

    def __init__(self, content):
        self.content = content
        self.n_bytes = 0

    def size(self):
        return len(self.content)

    def read_ranges(self, ranges, *, concurrency):
        for index, (start, stop) in enumerate(ranges):
            self.n_bytes += stop - start
            yield index, self.content[start:stop]


def fetched(chunks, *keys):
    """Size of the file, and bytes fetched for each selection. Neighbouring chunks are not put together here."""
    omfiles.save("one.om", air, chunks, precision=0.05)
    store = Counted(Path("one.om").read_bytes())
    reader = omfiles.open(store, fetch=FetchOptions(max_gap=0, tail=256))
    counts = []
    for key in keys:
        before = store.n_bytes
        reader[key]
        counts.append(store.n_bytes - before)
    return len(store.content), *counts


shapes = [
    (240, 1, 1),
    (240, 2, 7),
    (120, 5, 7),
    (48, 10, 10),
    (24, 13, 17),
    (12, 19, 25),
    (4, 37, 49),
    (1, 37, 49),
]
rows = [fetched(shape, np.s_[:, 18, 24], np.s_[120]) for shape in shapes]
print("chunks            file   one series   one map  (bytes)")
for shape, (whole, series, image) in zip(shapes, rows, strict=True):
    print(f"{shape!s:14} {whole:7,} {series:12,} {image:9,}")

# %% mystnb={"image": {"alt": "Bits a value by precision; bytes for a series and for a map by chunks"}}
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for name, values in bits.items():
    (line,) = left.plot(precisions, values, "o-", label=name)
    left.axhline(
        exact[name], color=line.get_color(), linestyle="--", label=f"{name}, exact"
    )
left.set_xscale("log")
left.set_xlabel("precision")
left.set_ylabel("bits a value")
left.legend()
labels = ["x".join(map(str, shape)) for shape in shapes]
for column, name in [(1, "one series"), (2, "one map"), (0, "the file")]:
    right.semilogy(labels, [row[column] for row in rows], "o-", label=name)
right.tick_params("x", rotation=45)
right.set_xlabel("chunks (time x lat x lon)")
right.set_ylabel("bytes")
right.legend()
figure.savefig("choosing.png")

# %% [markdown]
# What to take from it:
#
# - In the middle both are cheap. `chunks="auto"` goes there, with chunks of at most 64 KiB before compression:
#   large enough to compress well and to keep the look-up table small (some bytes a chunk), small enough to be decoded in
#   ten microseconds.
# - The last dimension should be the one along which values change least, as the differences of neighbours are stored:
#   time for hourly series at a place, longitude for these months. The file is smallest with whole maps.
# - Chunks of fewer than some 100 values cost: each has a header, an entry in the table, and blocks of 128 values are what
#   the codec works on.
# - On object stores a request costs more than the bytes of many chunks. Neighbouring chunks are fetched together, so
#   small chunks do no harm there, as long as those that are needed lie together: later dimensions are neighbours first.
# - Open-Meteo uses chunks of about 1000 values, all times of a run and a few places.
