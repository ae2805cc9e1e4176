# %% tags=["remove-cell"]
# SPDX-License-Identifier: MIT
# %% [markdown]
# # Five minutes
#
# ```sh
# # in a clone of the repository
# pip install '.[xarray]' iris-sample-data matplotlib netCDF4
# ```
#
# An `.om` file is a tree of arrays, single values and groups. Each array is cut into chunks, each chunk is compressed,
# and only the chunks that a selection touches are read. We take 240 months of air temperature over North America, as
# NetCDF, and make such a file of it.

# %%
from pathlib import Path

import iris_sample_data
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

import omfiles

netcdf = xr.open_dataset(Path(iris_sample_data.path) / "E1_north_america.nc")
temperature = netcdf["air_temperature"].values
temperature.shape, temperature.dtype

# %% [markdown]
# ## Write
#
# `save` writes one array. Floats are kept exactly unless there is a `precision` or a `compression`; with a
# `precision` of 0.05 they are rounded to steps of 0.05 kelvin, and the file is much smaller.

# %%
omfiles.save("exact.om", temperature)
omfiles.save(
    "t2m.om",
    temperature,
    precision=0.05,
    name="t2m",
    attrs={"units": "K"},
    dims=("time", "lat", "lon"),
)

for name in ("exact.om", "t2m.om"):
    print(f"{name}: {Path(name).stat().st_size:,} of {temperature.nbytes:,} bytes")

# %% [markdown]
# Several variables are written by an `OmFileWriter`, children first. The file appears under its name when the block
# ends without an exception, and not before.

# %%
with omfiles.OmFileWriter("america.om") as writer:
    variables = [
        writer.write_array(
            temperature,
            chunks=(24, 37, 49),
            precision=0.05,
            name="t2m",
            attrs={"units": "K"},
            dims=("time", "lat", "lon"),
        ),
        writer.write_array(
            netcdf["latitude"].values,
            chunks="auto",
            name="lat",
            compression="fpx_xor_2d",
        ),
        writer.write_array(
            netcdf["longitude"].values,
            chunks="auto",
            name="lon",
            compression="fpx_xor_2d",
        ),
    ]
    writer.close(
        writer.write_group(
            "", variables, attrs={"title": "air temperature", "source": "scenario E1"}
        )
    )

# %% [markdown]
# ## Look
#
# What is in a file is read at once, and no data with it.

# %%
reader = omfiles.open("america.om")
print(reader.tree())

# %% [markdown]
# Groups are mappings of their children, and `attrs` are the single values.

# %%
print(list(reader), dict(reader.attrs))
t2m = reader["t2m"]
t2m

# %% [markdown]
# ## Read
#
# Arrays are indexed as in numpy. Here are one place for all times, one map, and three places at three times.

# %%
place = t2m[:, 20, 30]
image = t2m[-1]
places = t2m.vindex[[0, 100, 200], [5, 20, 30], [10, 20, 30]]
print(place.shape, image.shape, places)
assert abs(place - temperature[:, 20, 30]).max() <= 0.0251

# %% mystnb={"image": {"alt": "A map of temperatures, and 240 months at one place"}}
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.5), layout="constrained")
shown = left.pcolormesh(reader["lon"][...], reader["lat"][...], image, cmap="RdYlBu_r")
figure.colorbar(shown, ax=left, label=t2m.attrs["units"])
left.set_title("the last month")
right.plot(place)
right.set_title("one place, 240 months")
figure.savefig("five_minutes.png")

# %% [markdown]
# ## With xarray
#
# The same file is a dataset, lazy until values are needed.

# %%
dataset = xr.open_dataset("america.om", engine="om")
dataset

# %%
dataset["t2m"].sel(lat=45, lon=270, method="nearest").mean().item()

# %% [markdown]
# ## From a store
#
# Paths may be URLs of any fsspec filesystem: `s3://`, `https://`, `gs://`, here `memory://`. Few requests are sent, whatever
# is read.

# %%
with omfiles.OmFileWriter("memory://bucket/t2m.om") as writer:
    writer.write_array(temperature, chunks="auto", precision=0.05, name="t2m")

with omfiles.open("memory://bucket/t2m.om") as remote:
    np.testing.assert_array_equal(remote[0], t2m[0])

# %% [markdown]
# Go on with [](reading.md), [](writing.md), or [](tour.py), which has dask, zarr, trees and files of Open-Meteo.
