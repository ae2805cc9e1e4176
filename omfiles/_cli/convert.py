# SPDX-License-Identifier: MIT
"""``convert``: other formats to OM files and back, and OM files to OM files that are arranged otherwise."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from typing import Any

import omfiles
from omfiles._cli.common import (
    OK,
    USAGE,
    CommandError,
    add_command,
    add_force,
    add_storage_options,
    add_variables,
    check_free,
    storage_options,
    variables,
)
from omfiles._cli.datasets import FORMATS, Data, format_of, open_data, write_data
from omfiles._cli.encoding import EncodingOptions, add_encoding
from omfiles._cli.progress import Progress
from omfiles._datasets.attrs import COORDINATE, ROLE
from omfiles._datasets.hierarchy import collect_variables, dimensions
from omfiles._reading.names import suggest_names
from omfiles._reading.reader import OmFileReader
from omfiles._tools.copy_variables import MEMORY, copy_file
from omfiles._writing.array_spec import EXACT

__all__ = ["add_ends", "add_parsers", "only"]

SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGT]?)(i?)B?")


def add_parsers(commands: Any) -> None:
    parser = add_command(
        commands,
        "convert",
        convert,
        "make .om files of NetCDF, Zarr or GRIB, the reverse, or an .om file with another encoding",
        "omfiles convert era5.nc era5.om --precision t2m:0.05 --chunks t2m:time=24,latitude=10,longitude=10",
    )
    add_ends(parser, "path or URL, of a format that its ending tells")
    add_encoding(parser)
    parser.add_argument(
        "--layout",
        choices=("tail", "inline"),
        default="tail",
        help="where an .om file made of another has its descriptions of variables: together at the end, where remote "
        "readers get them in one request (default), or each behind its data",
    )
    add_force(parser)
    add_storage_options(parser)


def add_ends(parser: argparse.ArgumentParser, input_help: str) -> None:
    """Add where data come from and go to, which of them, and in what memory."""
    parser.add_argument("input", metavar="IN", help=input_help)
    parser.add_argument("output", metavar="OUT", help="path or URL, .om, .nc or .zarr")
    parser.add_argument("--from", dest="source_format", choices=FORMATS, help="format of IN")
    parser.add_argument("--to", dest="target_format", choices=FORMATS[:3], help="format of OUT")
    add_variables(parser)
    parser.add_argument(
        "--memory",
        type=_bytes,
        default=MEMORY,
        metavar="SIZE",
        help="how much memory arrays take on their way, by default 256MiB; more is faster",
    )


def _bytes(text: str) -> int:
    """Parse a size.

    Examples
    --------
    >>> _bytes("1.5GB"), _bytes("64MiB"), _bytes("1000")
    (1500000000, 67108864, 1000)
    """
    match = SIZE.fullmatch(text)
    if match is None or float(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 256MiB or 1GB")
    power = " KMGT".index(match[2].upper() or " ")
    return int(float(match[1]) * (1024 if match[3] else 1000) ** power)


# --- convert ----------------------------------------------------------------------------------------------------------


def convert(arguments: argparse.Namespace) -> int:
    source, target = arguments.input, arguments.output
    source_format = format_of(source, arguments.source_format, "--from")
    target_format = format_of(target, arguments.target_format, "--to")
    check_free(target, arguments.force)
    options = EncodingOptions.parse(arguments)
    if "om" not in (source_format, target_format):
        raise CommandError(f"from {source_format} to {target_format} is not for this program: one must be .om", USAGE)
    if options and target_format != "om":
        raise CommandError("chunks, compression and scale are for .om files as output", USAGE)
    if source_format == target_format:
        _convert_om(arguments, options)
    else:
        data = open_data(source, source_format, arguments, decode_times=False)
        write_data(only(data, variables(arguments)), target, target_format, arguments, options)
    return OK


def _convert_om(arguments: argparse.Namespace, options: EncodingOptions) -> None:
    """Arrange an OM file otherwise. All of its tree stays."""
    source, target = arguments.input, arguments.output
    if arguments.var:
        raise CommandError("--var is for other formats; `omfiles extract` takes variables out of an .om file", USAGE)
    with omfiles.open(source, storage_options=storage_options(arguments, source)) as root:
        encodings = _encodings(root, options)
        total = sum(node.nbytes for _, node in root.walk() if node.is_array)
        with (
            omfiles.OmFileWriter(
                target, arguments.layout, storage_options=storage_options(arguments, target)
            ) as writer,
            Progress(f"writing {os.path.basename(target)}", total) as progress,
        ):
            copy_file(
                root,
                writer,
                encoding=lambda array: encodings.get(array._span, {}),
                overflow=arguments.overflow,
                max_bytes=arguments.memory // 2,  # and the same for what becomes of it
                progress=progress,
            )


def _encodings(root: OmFileReader, options: EncodingOptions) -> dict[tuple[int, int], dict[str, Any]]:
    """What changes of the encodings of all arrays, by the ranges of their records."""
    if not options:
        return {}
    _, variables = collect_variables(root)
    arrays = [variable for variable in variables if variable.reader.is_array]
    start = len(arrays[0].path) - len(arrays[0].path[1:].removeprefix(root.name)) if arrays else 0
    paths = [array.path[start:].lstrip("/") or root.name or "data" for array in arrays]
    options.check(paths)
    found = {}
    for path, array, dims in zip(paths, arrays, dimensions(dict(enumerate(arrays))).values()):
        reader = array.reader
        is_coordinate = reader.name in dims or COORDINATE in str(array.attrs.get(ROLE, "")).split()
        encoding = options.for_variable(path, dims, reader.shape, reader.dtype, is_coordinate)
        if reader.compression_name == EXACT:
            if "scale_factor" in encoding:
                encoding.setdefault("compression", "pfor_delta_2d")
            elif reader.dtype.kind == "f" and encoding.get("compression", EXACT) != EXACT:
                raise CommandError(
                    f"{path}: {encoding['compression']} rounds floats to steps, so --precision STEP is needed",
                    USAGE,
                )
        found[reader._span] = encoding
    return found


def only(data: Data, names: Sequence[str]) -> Data:
    """Take some variables and their coordinates; none means all."""
    if not names:
        return data
    import xarray

    if isinstance(data, xarray.Dataset):
        return data[_known(names, list(map(str, data.data_vars)))]
    known = [f"{node.path}/{name}".lstrip("/") for node in data.subtree for name in node.data_vars]
    wanted = _known(names, known)
    groups: dict[str, list[str]] = {}
    for path in wanted:
        group, _, name = path.rpartition("/")
        groups.setdefault(f"/{group}", []).append(name)
    taken = {group: data[group].to_dataset()[members] for group, members in groups.items()}
    if len(taken) == 1:
        return next(iter(taken.values()))
    return xarray.DataTree.from_dict(taken)


def _known(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return full names; of a path its last part is enough, if only one variable has it."""
    found = []
    for name in names:
        matches = [path for path in known if path == name] or [path for path in known if path.endswith(f"/{name}")]
        if len(matches) != 1:
            raise CommandError(f"there is no single variable {name!r}; {suggest_names(name, known)}", USAGE)
        found += matches
    return found
