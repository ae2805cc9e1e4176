# SPDX-License-Identifier: MIT
"""What needs pyproj: its objects, for those who want them, and projections that `omfiles._grids.projection` lacks."""

from __future__ import annotations

import numpy as np

try:
    import pyproj
except ModuleNotFoundError as error:
    if error.name != "pyproj":
        raise
    raise ImportError("this needs pyproj: pip install 'omfiles[grids]'", name="pyproj") from error

from pyproj.exceptions import CRSError, ProjError

from omfiles._grids.projection import Array, Projection

__all__ = ["WGS84", "PyprojProjection", "WktError", "crs_from_wkt", "transformer"]

WGS84 = pyproj.CRS("EPSG:4326")


def crs_from_wkt(text: str) -> pyproj.CRS:
    """Make a coordinate reference system."""
    return pyproj.CRS.from_wkt(text)


def transformer(source: pyproj.CRS, target: pyproj.CRS) -> pyproj.Transformer:
    """Make a transformer from (x or longitude, y or latitude) to the same of another system."""
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


class WktError(ValueError, CRSError):
    """pyproj does not know the projection either: a ValueError, and the error that omfiles 1.2.0 lets through."""


class PyprojProjection(Projection):
    """Any projection that pyproj knows.

    Parameters
    ----------
    text : str
        Well-known text.

    Raises
    ------
    WktError
        pyproj refuses it.
    """

    def __init__(self, text: str) -> None:
        try:
            crs = crs_from_wkt(text)
            self._forward = transformer(WGS84, crs)
            self._inverse = transformer(crs, WGS84)
        except ProjError as error:
            raise WktError(f"pyproj refuses the WKT: {error}") from error

    def forward(self, latitude: Array, longitude: Array) -> tuple[Array, Array]:
        """Project; returns x (to the east) and y."""
        x, y = self._forward.transform(longitude, latitude)
        return np.asarray(x), np.asarray(y)

    def inverse(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return latitude and longitude."""
        longitude, latitude = self._inverse.transform(x, y)
        return np.asarray(latitude), np.asarray(longitude)

    def discontinuities(self) -> None:
        """Return None: that is not known."""

    def cf_attributes(self) -> dict[str, str | float | list[float]]:
        """Return nothing."""
        return {}
