# %% tags=["remove-cell"]
# SPDX-License-Identifier: MIT
# %% [markdown]
# # A tour on real data
#
# NetCDF becomes `.om`, xarray and dask read it, places and times are selected, averaged and drawn, results are
# written back, and zarr reads the same file. This page is the script `docs/tour.py`; it needs, in a clone of the
# repository, `pip install '.[xarray,dask,zarr]' iris-sample-data matplotlib netCDF4`, and writes its files to where it
# runs.

# %%
from __future__ import annotations

from pathlib import Path

import iris_sample_data
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
import zarr

import omfiles.xarray
import omfiles.zarr

samples = Path(iris_sample_data.path)

# %% [markdown]
# ## From NetCDF to .om
#
# 54 months of sea surface temperature. Steps of a hundredth of a kelvin are finer than anybody measures: with
# `precision` 0.01 the file is much smaller. Without one nothing would be rounded.

# %%
netcdf = xr.open_dataset(samples / "ostia_monthly.nc", decode_timedelta=True)
path = Path("sea_surface.om")
netcdf.om.to_om(
    path, encoding={"surface_temperature": {"precision": 0.01, "chunks": (54, 6, 48)}}
)

n_bytes = sum(variable.nbytes for variable in netcdf.variables.values())
print(
    f"{n_bytes:,} bytes in memory, {(samples / 'ostia_monthly.nc').stat().st_size:,} as NetCDF, ",
    end="",
)
print(f"{path.stat().st_size:,} as .om")

# %% [markdown]
# What is there? Nothing is read for that but the description.

# %%
with omfiles.open(path) as reader:
    print(reader.tree())

# %% [markdown]
# ## With xarray
#
# Opening reads the coordinates, and data when they are needed. All but the rounded variable is as it was.

# %%
ds = xr.open_dataset(path, engine="om", decode_timedelta=True)
print(ds)
error = abs(ds.surface_temperature - netcdf.surface_temperature)
assert float(error.max()) <= 0.00502
xr.testing.assert_identical(
    ds.drop_vars("surface_temperature"), netcdf.drop_vars("surface_temperature")
)

# %% [markdown]
# Here for all times: one place, of which only the chunks that hold it are read, and its means of three months.

# %%
place = ds.surface_temperature.sel(latitude=0, longitude=250, method="nearest")
seasons = place.resample(time="QS").mean()
np.testing.assert_allclose(
    seasons,
    netcdf.surface_temperature.sel(latitude=0, longitude=250, method="nearest")
    .resample(time="QS")
    .mean(),
    atol=0.006,
)

# %% [markdown]
# This map: one time, a part of the Pacific.

# %% mystnb={"image": {"alt": "A map of the surface of the Pacific; months and seasons at one place"}}
pacific = ds.surface_temperature.sel(time="2007-12", longitude=slice(160, 280)).squeeze(
    "time"
)

figure, (above, below) = plt.subplots(2, figsize=(8, 6), layout="constrained")
pacific.plot(
    ax=above, cmap="RdYlBu_r", cbar_kwargs={"label": "sea surface temperature (K)"}
)
above.plot(place.longitude, place.latitude, "k+", markersize=12)
above.set_title("December 2007")
place.plot(ax=below, label="months")
seasons.plot(ax=below, drawstyle="steps-post", label="means of three months")
below.set_title("0° N, 110° W")
below.legend(loc="lower left")
figure.savefig("sea_surface.png", dpi=80)

# %% [markdown]
# ## With dask
#
# With `chunks={}` the variables are dask arrays, cut along the chunks of the file but in larger pieces. Whatever is
# computed from them is read piece by piece, and written so: here the departures from each month's mean.

# %%
lazy = xr.open_dataset(path, engine="om", chunks={}, decode_timedelta=True)
by_month = lazy.surface_temperature.groupby("time.month")
anomaly = (by_month - by_month.mean()).rename("anomaly").drop_vars("month")
anomaly.to_dataset().om.to_om("anomaly.om", encoding={"anomaly": {"precision": 0.01}})

again = xr.open_dataset("anomaly.om", engine="om", decode_timedelta=True)
np.testing.assert_allclose(again.anomaly, anomaly.compute(), atol=0.0051)

# %% [markdown]
# ## Several files, and trees
#
# A year each, opened together; and both datasets in one file, a group each.

# %%
for year, part in ds.groupby("time.year"):
    part.om.to_om(f"year_{year}.om")
years = xr.open_mfdataset(
    "year_*.om",
    engine="om",
    decode_timedelta=True,
    data_vars="minimal",
    coords="minimal",
    compat="override",
)
xr.testing.assert_equal(years.surface_temperature, ds.surface_temperature)

climate = xr.open_dataset(
    samples / "E1_north_america.nc", decode_timedelta=True
)  # a calendar of 360 days
tree = xr.DataTree.from_dict({"/sea_surface": ds, "/north_america": climate})
omfiles.xarray.write_dataset(tree, "tree.om")
opened = xr.open_datatree("tree.om", engine="om", decode_timedelta=True)
xr.testing.assert_identical(opened["north_america"].to_dataset(), climate)

# %% [markdown]
# ## A file of Open-Meteo
#
# Its files have a variable each, without names of latitudes and longitudes, but with a description of their grid. From
# that come coordinates, and selections by latitude and longitude on any of its grids, here on one with a rotated pole.

# %% mystnb={"image": {"alt": "Pressure on a rotated grid, with a box and a place that were selected"}}
pole = xr.open_dataset(samples / "rotated_pole.nc")["air_pressure_at_sea_level"]
CRS = """GEOGCRS["Rotated pole",
    BASEGEOGCRS["Sphere", DATUM["Sphere", ELLIPSOID["Sphere", 6371229, 0]]],
    DERIVINGCONVERSION["Rotation",
        METHOD["PROJ ob_tran o_proj=longlat"],
        PARAMETER["o_lat_p", 37.5], PARAMETER["o_lon_p", 0], PARAMETER["lon_0", 357.5]],
    CS[ellipsoidal, 2], AXIS["longitude", east], AXIS["latitude", north], ANGLEUNIT["degree", 0.0174532925199433],
    USAGE[SCOPE["weather"], BBOX[15.49997696, -47.00783393, 60.89520268, 67.84675787]]]"""

with omfiles.OmFileWriter("pressure_msl.om") as writer:
    children = [writer.write_scalar(CRS, "crs_wkt"), writer.write_scalar("hPa", "unit")]
    children.append(writer.write_scalar("lat lon", "coordinates"))
    writer.write_array(
        pole.values / 100, (22, 36), scale_factor=10, name="", children=children
    )

pressure = omfiles.open_dataset("pressure_msl.om")["pressure_msl"]
print(pressure)
london = pressure.sel(lat=51.5, lon=-0.1, method="nearest")
iberia = pressure.sel(lat=slice(36, 44), lon=slice(-10, 4))
assert abs(london.lat - 51.5) < 2 and abs(london.lon + 0.1) < 3
assert ((iberia.lat >= 30) & (iberia.lat <= 50)).all()

figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
pressure.plot(ax=axes, x="lon", y="lat", cmap="viridis")
axes.plot(iberia.lon, iberia.lat, "w.")
axes.plot(london.lon, london.lat, "r+", markersize=12)
axes.set_title("a model with a rotated pole")
figure.savefig("pressure_msl.png", dpi=80)

# %% [markdown]
# ## As zarr
#
# Programs that know zarr, and nothing of `.om`, read the same file through a store. Nothing is converted before.

# %%
store = omfiles.zarr.OmStore(path)
group = zarr.open_group(store, mode="r")
print(sorted(group.array_keys()))
np.testing.assert_array_equal(
    group["surface_temperature"][10, :, ::7], ds.surface_temperature[10, :, ::7]
)

as_zarr = xr.open_zarr(store, consolidated=False, decode_timedelta=True)
xr.testing.assert_equal(as_zarr.surface_temperature, ds.surface_temperature)

# %% [markdown]
# ## Back to NetCDF
#
# What was read from `.om` is an ordinary dataset, so all that xarray writes can be made of it.

# %%
ds.to_netcdf("back.nc")
xr.testing.assert_identical(
    xr.load_dataset("back.nc", decode_timedelta=True), ds.load()
)
print("the tour is complete")
