# SPDX-License-Identifier: MIT
"""``convert``: other formats to OM files and back, and OM files to OM files that are arranged otherwise."""

from __future__ import annotations

import argparse
import difflib
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

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
    listing,
    options_for,
    variables,
    walk,
)
from omfiles._cli.datasets import FORMATS, Data, format_of, open_data, write_data
from omfiles._cli.progress import Progress
from omfiles._core import COMPRESSIONS
from omfiles._datasets.attrs import COORDINATE, ROLE
from omfiles._datasets.hierarchy import dimensions, scan
from omfiles._reading.reader import OmFileReader
from omfiles._tools.copy_variables import MEMORY, copy_file
from omfiles._writing.array_spec import EXACT

__all__ = ["Wishes", "add_encoding", "add_ends", "add_parsers", "only"]

SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGT]?)(i?)B?")


def add_parsers(commands: Any) -> None:
    parser = add_command(
        commands,
        "convert",
        convert,
        "make .om files of NetCDF, Zarr or GRIB, the reverse, or an .om file with other chunks or codecs",
        "omfiles convert era5.nc era5.om --scale-factor t2m:20 --chunks t2m:time=24,latitude=10,longitude=10",
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


# --- how arrays shall be encoded --------------------------------------------------------------------------------------


def add_encoding(parser: argparse.ArgumentParser) -> None:
    """Add options for arrays of an OM file. Each may be for one variable, VAR:VALUE."""
    group = parser.add_argument_group(
        "encoding of .om files", "for all variables, or for one if its name and a colon come first; may be repeated"
    )
    group.add_argument(
        "--chunks",
        type=_chunks,
        action="append",
        default=[],
        metavar="[VAR:]CHUNKS",
        help="extents of chunks: auto; 24,10,10 for variables of three dimensions; or time=24,lat=10, where dimensions "
        "that are not named are not split",
    )
    group.add_argument(
        "--compression",
        type=_compression,
        action="append",
        default=[],
        metavar="[VAR:]NAME",
        help=", ".join(COMPRESSIONS),
    )
    for option, help in (
        ("--scale-factor", "keep floats in steps of 1/N; without, they are kept exactly"),
        ("--add-offset", "add this before scaling"),
    ):
        group.add_argument(option, type=_number, action="append", default=[], metavar="[VAR:]N", help=help)
    group.add_argument(
        "--overflow",
        choices=("raise", "clip", "nan"),
        default="raise",
        help="what becomes of floats that are too large for their scale (default: an error)",
    )


def _split(text: str) -> tuple[str | None, str]:
    variable, colon, value = text.rpartition(":")
    return (variable, value) if colon else (None, text)


def _chunks(text: str) -> tuple[str | None, Any]:
    variable, value = _split(text)
    if value == "auto":
        return variable, "auto"
    items = value.split(",")
    if all(re.fullmatch(r"[1-9]\d*", item) for item in items):
        return variable, tuple(map(int, items))
    pairs = [item.partition("=") for item in items]
    if all(name and equals and re.fullmatch(r"[1-9]\d*", extent) for name, equals, extent in pairs):
        return variable, {name: int(extent) for name, _, extent in pairs}
    raise argparse.ArgumentTypeError(f"{value!r} is neither 'auto', nor extents such as 24,10,10, nor time=24,lat=10")


def _compression(text: str) -> tuple[str | None, str]:
    variable, value = _split(text)
    if value not in COMPRESSIONS:
        raise argparse.ArgumentTypeError(f"{value!r} is none of {', '.join(COMPRESSIONS)}")
    return variable, value


def _number(text: str) -> tuple[str | None, float]:
    variable, value = _split(text)
    try:
        return variable, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is no number") from None


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


class Wishes:
    """What the options say about arrays.

    Parameters
    ----------
    arguments : argparse.Namespace
        With the options of `add_encoding`.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._chunks: list[tuple[str | None, Any]] = arguments.chunks
        self._codec = {name: getattr(arguments, name) for name in ("compression", "scale_factor", "add_offset")}
        self._used: set[str] = set()
        self._seen: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._chunks) or any(self._codec.values())

    def __call__(
        self, path: str, dims: Sequence[Any], shape: Sequence[int], dtype: np.dtype[Any], is_coordinate: bool
    ) -> dict[str, Any]:
        """Return the settings for an array."""
        self._seen.append(path)
        settings: dict[str, Any] = {}
        for variable, chunks in self._chunks:
            if variable == path:
                self._used.add(path)
                settings["chunks"] = self._lengths(path, chunks, dims, shape)
            elif variable is None and "chunks" not in settings and not is_coordinate:
                fits = chunks == "auto" or (
                    any(dim in chunks for dim in dims) if isinstance(chunks, Mapping) else len(chunks) == len(shape)
                )
                if fits:
                    settings["chunks"] = self._lengths(path, chunks, dims, shape)
        for name, given in self._codec.items():
            general = dtype.kind == "f" and not is_coordinate
            for variable, value in given:
                if variable == path:
                    self._used.add(path)
                if variable == path or (variable is None and general and (path, name) not in self._specific):
                    settings[name] = value
        return settings

    @property
    def _specific(self) -> set[tuple[str | None, str]]:
        return {(variable, name) for name, given in self._codec.items() for variable, _ in given}

    @staticmethod
    def _lengths(path: str, chunks: Any, dims: Sequence[Any], shape: Sequence[int]) -> Any:
        if not isinstance(chunks, Mapping):
            return chunks
        unknown = [dim for dim in chunks if dim not in dims]
        if unknown and not any(dim in dims for dim in chunks):
            raise CommandError(f"{path} has no dimension {unknown[0]!r}; {listing(list(map(str, dims)))}", USAGE)
        return tuple(chunks.get(dim, extent) for dim, extent in zip(dims, shape))

    def check(self) -> None:
        """Refuse what was for no variable, when all were seen."""
        named = {variable for variable, _ in self._chunks} | {variable for variable, _ in self._specific}
        for variable in sorted(name for name in named if name is not None):
            if variable not in self._used:
                raise CommandError(f"an option is for the variable {variable!r}; {listing(self._seen)}", USAGE)


# --- convert ----------------------------------------------------------------------------------------------------------


def convert(arguments: argparse.Namespace) -> int:
    source, target = arguments.input, arguments.output
    source_format = format_of(source, arguments.source_format, "--from")
    target_format = format_of(target, arguments.target_format, "--to")
    check_free(target, arguments.force)
    wishes = Wishes(arguments)
    if "om" not in (source_format, target_format):
        raise CommandError(f"from {source_format} to {target_format} is not for this program: one must be .om", USAGE)
    if wishes and target_format != "om":
        raise CommandError("chunks, compression and scale are for .om files as output", USAGE)
    if source_format == target_format:
        _convert_om(arguments, wishes)
    else:
        data = open_data(source, source_format, arguments, decode_times=False)
        write_data(only(data, variables(arguments)), target, target_format, arguments, wishes)
        wishes.check()
    return OK


def _convert_om(arguments: argparse.Namespace, wishes: Wishes) -> None:
    """Arrange an OM file otherwise. All of its tree stays."""
    source, target = arguments.input, arguments.output
    if arguments.var:
        raise CommandError("--var is for other formats; `omfiles extract` takes variables out of an .om file", USAGE)
    with omfiles.open(source, storage_options=options_for(source, arguments)) as root:
        settings = _settings(root, wishes)
        wishes.check()
        total = sum(node.nbytes for _, node in walk(root) if node.is_array)
        with (
            omfiles.OmFileWriter(target, arguments.layout, storage_options=options_for(target, arguments)) as writer,
            Progress(f"writing {os.path.basename(target)}", total) as progress,
        ):
            copy_file(
                root,
                writer,
                encoding=lambda array: settings.get(array._span, {}),
                overflow=arguments.overflow,
                max_bytes=arguments.memory // 2,  # and the same for what becomes of it
                progress=progress,
            )


def _settings(root: OmFileReader, wishes: Wishes) -> dict[tuple[int, int], dict[str, Any]]:
    """Settings of all arrays, by the place of their records."""
    if not wishes:
        return {}
    _, arrays = scan(root)
    start = len(arrays[0].path) - len(arrays[0].path[1:].removeprefix(root.name)) if arrays else 0
    dims = dimensions(dict(enumerate(arrays)))
    found = {}
    for number, array in enumerate(arrays):
        reader, name = array.reader, array.path[start:].lstrip("/") or root.name or "data"
        is_coordinate = reader.name in dims[number] or COORDINATE in str(array.attrs.get(ROLE, "")).split()
        settings = wishes(name, dims[number], reader.shape, reader.dtype, is_coordinate)
        if "scale_factor" in settings and reader.compression_name == EXACT:
            settings.setdefault("compression", "pfor_delta_2d")
        rounds = reader.dtype.kind == "f" and settings.get("compression", EXACT) != EXACT
        if rounds and "scale_factor" not in settings and reader.compression_name == EXACT:
            raise CommandError(
                f"{name}: {settings['compression']} rounds floats to multiples of 1/N, so --scale-factor N is needed",
                USAGE,
            )
        found[reader._span] = settings
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
            close = matches or difflib.get_close_matches(name, known, n=3)
            hint = f"did you mean {' or '.join(map(repr, close))}?" if close else listing(known)
            raise CommandError(f"there is no single variable {name!r}; {hint}", USAGE)
        found += matches
    return found
