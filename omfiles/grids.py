# SPDX-License-Identifier: MIT
"""Grids of weather models: where their points are, and which is nearest to a place.

Examples
--------
>>> from omfiles.grids import OmGrid
>>> grid = OmGrid('''GEOGCRS["WGS 84", DATUM["World Geodetic System 1984",
...     ELLIPSOID["WGS 84", 6378137, 298.257223563]], CS[ellipsoidal, 2],
...     AXIS["latitude", north], AXIS["longitude", east], ANGLEUNIT["degree", 0.0174532925199433]
...     USAGE[SCOPE["grid"], BBOX[-90, -180, 90, 179.75]]]''', (721, 1440))
>>> grid.find_point_xy(lat=52.52, lon=13.41)
XYIndex(x=774, y=570)
"""

from omfiles._grids.gaussian import GaussianGrid
from omfiles._grids.om_grid import OmGrid
from omfiles._grids.regular import RegularGrid
from omfiles._public import adopt

__path__: list[str] = []  # it was a package once: imports of its modules get as far as what says where they are now
__all__ = ["GaussianGrid", "OmGrid", "RegularGrid"]

adopt(__name__, __all__)
del adopt
