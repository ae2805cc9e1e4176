# SPDX-License-Identifier: MIT
"""Small files as Open-Meteo writes them, on grids of each kind."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from omfiles import OmFileWriter

SPHERE = 'DATUM["sphere",ELLIPSOID["sphere",6371229,0]]'
METRES = 'CS[Cartesian,2],AXIS["(E)",east],AXIS["(N)",north],LENGTHUNIT["metre",1]'
DEGREES = 'CS[ellipsoidal,2],AXIS["latitude",north],AXIS["longitude",east],ANGLEUNIT["degree",0.0174532925199433]'


class Model(NamedTuple):
    wkt: str
    shape: tuple[int, int]


def geographic(box, shape):
    # The comma before USAGE is missing in the files, too.
    return Model(f'GEOGCRS["model",{SPHERE},{DEGREES}USAGE[SCOPE["grid"],BBOX[{box}]]]', shape)


def projected(method, parameters, box, shape):
    given = ",".join(f'PARAMETER["{name}",{value}]' for name, value in parameters.items())
    return Model(
        f'PROJCRS["model",BASEGEOGCRS["sphere",{SPHERE}],CONVERSION["model",METHOD["{method}"],{given}],'
        f'{METRES},USAGE[SCOPE["grid"],BBOX[{box}]]]',
        shape,
    )


GLOBAL = geographic("-90,-180,90,175", (37, 72))
REGIONAL = geographic("43,-4,57.75,20.5", (60, 50))
ROTATED = Model(
    f'GEOGCRS["rotated",BASEGEOGCRS["sphere",{SPHERE}],DERIVINGCONVERSION["pole",METHOD["PROJ ob_tran o_proj=longlat"],'
    'PARAMETER["o_lat_p",40],PARAMETER["o_lon_p",0],PARAMETER["lon_0",10]],'
    f'{DEGREES},USAGE[SCOPE["grid"],BBOX[37.17689481175493,-2.3085778830895625,54.854614762801624,23.922646335155903]]]',
    (45, 37),
)
LAMBERT = projected(
    "Lambert Conic Conformal (2SP)",
    {
        "Latitude of false origin": 38.5,
        "Longitude of false origin": -97.5,
        "Latitude of 1st standard parallel": 38.5,
        "Latitude of 2nd standard parallel": 38.5,
        "Easting at false origin": 0,
        "Northing at false origin": 0,
    },
    "21.1381245968136,-122.71952711436897,47.92949162282351,-62.064914160745346",
    (36, 60),
)
AZIMUTHAL = projected(
    "Lambert Azimuthal Equal Area",
    {
        "Latitude of natural origin": 54.9,
        "Longitude of natural origin": -2.5,
        "False easting": 0,
        "False northing": 0,
    },
    "44.50875409877963,-17.152866024838875,62.296018619227,13.136104762174678",
    (40, 50),
)
STEREOGRAPHIC = projected(
    "Polar Stereographic (variant A)",
    {
        "Latitude of natural origin": 90,
        "Longitude of natural origin": 249,
        "Scale factor at natural origin": 0.933012701892219,
        "False easting": 0,
        "False northing": 0,
    },
    "18.108583871868696,-142.90782727867878,47.19626046908471,-11.338681189382804",
    (55, 62),
)
GAUSSIAN = Model('GEOGCRS["Reduced Gaussian Grid",REMARK["N160"]]', (1, 138346))

PROJECTED = {"rotated": ROTATED, "Lambert": LAMBERT, "azimuthal": AZIMUTHAL, "stereographic": STEREOGRAPHIC}
MODELS = {"global": GLOBAL, "regional": REGIONAL, **PROJECTED, "Gaussian": GAUSSIAN}

RUN = 1_767_225_600  # 2026-01-01
HOURS = RUN + 3600 * np.arange(4)


def field(model, *more):
    """Values that tell their place: exact in float32."""
    return np.arange(np.prod(model.shape + more), dtype="f4").reshape(model.shape + more)


def write_run(path, model, hours=HOURS):
    """An unnamed array, which has everything else as its children."""
    data = field(model, len(hours))
    with OmFileWriter(path) as writer:
        scalars = {
            "crs_wkt": model.wkt,
            "unit": "K",
            "forecast_reference_time": np.int64(RUN),
            "coordinates": "lat lon time",
            "created_at": np.int64(RUN + 7),
        }
        children = [writer.write_scalar(value, name) for name, value in scalars.items()]
        children.append(writer.write_array(hours, [len(hours)], name="time"))
        chunks = [1, min(20, model.shape[1]), len(hours)]
        writer.close(writer.write_array(data, chunks, compression="fpx_xor_2d", name="", children=children))
    return data


def write_time_step(path, model, names=("temperature_2m", "rain")):
    """An unnamed group of arrays."""
    data = field(model)
    with OmFileWriter(path) as writer:
        arrays = [
            writer.write_array(
                data + i,
                [1, min(20, model.shape[1])],
                compression="fpx_xor_2d",
                name=name,
                children=[writer.write_scalar("K", "unit")],
            )
            for i, name in enumerate(names)
        ]
        scalars = {
            "crs_wkt": model.wkt,
            "forecast_reference_time": np.int64(RUN),
            "valid_time": np.int64(RUN + 3600),
            "coordinates": "lat lon",
        }
        children = [writer.write_scalar(value, name) for name, value in scalars.items()]
        writer.close(writer.write_group("", [*arrays, *children]))
    return data
