# SPDX-License-Identifier: MIT
"""Grids of weather models, as well-known text that PROJ writes."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest

from omfiles.grids import RegularGrid


class Model(NamedTuple):
    """A grid: its projection for PROJ, its first point in coordinates of that, its distances and its shape."""

    proj: str
    origin: tuple[float, float]
    step: tuple[float, float]
    shape: tuple[int, int]

    @cache  # noqa: B019 - there are few
    def wkt(self, version: str = "WKT2_2019") -> str:
        """As PROJ writes it, with the first and the last point of the grid as area of use."""
        pyproj = pytest.importorskip("pyproj")
        crs = pyproj.CRS(self.proj + " +type=crs")
        to_wgs84 = pyproj.Transformer.from_crs(crs, crs.source_crs or crs, always_xy=True)
        last = [start + step * (n - 1) for start, step, n in zip(self.origin, self.step, self.shape[::-1])]
        (west, east), (south, north) = to_wgs84.transform(*zip(self.origin, last))
        box = f"BBOX[{south!r},{west!r},{north!r},{east!r}]"
        usage = f',USAGE[SCOPE["grid"],AREA["model"],{box}]' if version == "WKT2_2019" else f',AREA["model"],{box}'
        return crs.to_wkt(version)[:-1] + usage + "]"

    @cache  # noqa: B019
    def grid(self, version: str = "WKT2_2019") -> RegularGrid:
        return RegularGrid(self.wkt(version), self.shape)


GEOGRAPHIC = {
    "GFS": Model("+proj=longlat +R=6371229", (-180, -90), (0.5, 0.5), (361, 720)),
    "GFS 0.13": Model(
        "+proj=longlat +R=6371229", (-180, -0.11714935 * 1535 / 2), (360 / 3072, 0.11714935), (1536, 3072)
    ),
    "ICON": Model("+proj=longlat +R=6371229", (-180, -90), (0.125, 0.125), (1441, 2879)),
    "ICON-D2": Model("+proj=longlat +R=6371229", (-3.94, 43.18), (0.02, 0.02), (746, 1215)),
    "both ends": Model("+proj=longlat +datum=WGS84", (-180, -90), (2.5, 2.5), (73, 145)),
}
ROTATED = {
    "COSMO": Model(
        "+proj=ob_tran +o_proj=longlat +o_lat_p=40 +o_lon_p=0 +lon_0=10 +R=6371229", (-10, -12), (0.1, 0.1), (180, 170)
    ),
    "HRDPS": Model(
        "+proj=ob_tran +o_proj=longlat +o_lat_p=36.08852 +o_lon_p=0 +lon_0=-114.694858 +R=6371229",
        (-14.820, -12.302),
        (0.09, 0.09),
        (323, 635),
    ),
    "HIRLAM": Model(
        "+proj=ob_tran +o_proj=longlat +o_lat_p=30 +o_lon_p=15 +lon_0=-20 +ellps=WGS84",
        (-40, -30),
        (0.5, 0.5),
        (130, 150),
    ),
    "over a pole": Model(
        "+proj=ob_tran +o_proj=longlat +o_lat_p=0 +o_lon_p=0 +lon_0=25 +R=6371229", (-20, -20), (0.25, 0.25), (161, 161)
    ),
    "all around": Model(
        "+proj=ob_tran +o_proj=longlat +o_lat_p=55 +o_lon_p=-30 +lon_0=-70 +R=6371229", (-180, -89), (2, 2), (90, 180)
    ),
}
LAMBERT = {
    "HRRR": Model(
        "+proj=lcc +lat_0=38.5 +lon_0=-97.5 +lat_1=38.5 +lat_2=38.5 +R=6371229",
        (-2697520, -1587306),
        (9000, 9000),
        (353, 600),
    ),
    "MEPS": Model(
        "+proj=lcc +lat_0=63.3 +lon_0=15 +lat_1=63.3 +lat_2=63.3 +R=6371000",
        (-1060084, -1332518),
        (10000, 10000),
        (267, 237),
    ),
    "AROME": Model(
        "+proj=lcc +lat_0=46.7 +lon_0=2 +lat_1=44 +lat_2=49 +ellps=GRS80 +x_0=700000 +y_0=6600000",
        (0, 6000000),
        (5000, 5000),
        (240, 280),
    ),
    "one parallel": Model(
        "+proj=lcc +lat_1=52 +lat_0=52 +lon_0=8 +k_0=0.999 +ellps=bessel +x_0=10 +y_0=20",
        (-900000, -900000),
        (9000, 9000),
        (200, 210),
    ),
    "south": Model(
        "+proj=lcc +lat_0=-35 +lon_0=-65 +lat_1=-35 +lat_2=-42 +R=6370000",
        (-2000000, -2200000),
        (20000, 20000),
        (210, 190),
    ),
    "across the date line": Model(
        "+proj=lcc +lat_0=60 +lon_0=179 +lat_1=55 +lat_2=65 +ellps=WGS84",
        (-1500000, -1500000),
        (15000, 15000),
        (200, 190),
    ),
}
AZIMUTHAL = {
    "UKV": Model("+proj=laea +lat_0=54.9 +lon_0=-2.5 +R=6371229", (-1158000, -1036000), (8000, 8000), (242, 260)),
    "Europe": Model(
        "+proj=laea +lat_0=52 +lon_0=10 +x_0=4321000 +y_0=3210000 +ellps=GRS80",
        (2500000, 1500000),
        (15000, 15000),
        (260, 320),
    ),
    "EASE north": Model("+proj=laea +lat_0=90 +lon_0=0 +ellps=WGS84", (-4500000, -4500000), (45000, 45000), (201, 201)),
    "equator": Model("+proj=laea +lat_0=0 +lon_0=-170 +ellps=WGS84", (-3000000, -3000000), (30000, 30000), (190, 201)),
}
STEREOGRAPHIC = {
    "RDPS": Model(
        "+proj=stere +lat_0=90 +lon_0=249 +k=0.9330127018922193 +R=6371229",
        (-4556441, -7318000),
        (25000, 25000),
        (330, 374),
    ),
    "KNMI radar": Model(
        "+proj=stere +lat_0=90 +lat_ts=60 +lon_0=0 +a=6378137 +b=6356752", (0, -4415000), (5000, 5000), (153, 140)
    ),
    "NSIDC south": Model(
        "+proj=stere +lat_0=-90 +lat_ts=-70 +lon_0=0 +ellps=WGS84", (-3950000, -3950000), (25000, 25000), (332, 316)
    ),
    "true at the pole": Model(
        "+proj=stere +lat_0=90 +lat_ts=90 +lon_0=30 +ellps=WGS84", (-2000000, -2300000), (25000, 25000), (161, 162)
    ),
    "oblique": Model(
        "+proj=stere +lat_0=52.15 +lon_0=5.38 +k=0.9999 +x_0=155000 +y_0=463000 +ellps=bessel",
        (-700000, -500000),
        (10000, 10000),
        (200, 180),
    ),
}
PROJECTED = ROTATED | LAMBERT | AZIMUTHAL | STEREOGRAPHIC
MODELS = GEOGRAPHIC | PROJECTED


def distance(latitude, longitude, other_latitude, other_longitude) -> np.ndarray:
    """Distances on the unit sphere."""

    def vector(latitude, longitude):
        latitude, longitude = np.radians(latitude), np.radians(longitude)
        return np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)

    return np.sqrt(
        sum((a - b) ** 2 for a, b in zip(vector(latitude, longitude), vector(other_latitude, other_longitude)))
    )
