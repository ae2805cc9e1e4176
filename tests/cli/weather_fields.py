# SPDX-License-Identifier: MIT
"""Values of the small files that the tests of commands use."""

from __future__ import annotations

import numpy as np

LATITUDES = np.arange(35, 71, 1.5)
LONGITUDES = np.arange(-12, 36, 1.5)
HOURS = np.arange(48)


def temperatures() -> np.ndarray:
    """A field with a daily cycle, and a corner without values."""
    day = np.sin(2 * np.pi * HOURS[:, None, None] / 24)
    field = 290 - 0.5 * (LATITUDES[:, None] - 35) + 0.05 * LONGITUDES + 4 * day
    field[:, -3:, :2] = np.nan
    return field.astype(np.float32)
