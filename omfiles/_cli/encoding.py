# SPDX-License-Identifier: MIT
"""Options of the command line that say how arrays of an OM file are encoded."""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from omfiles._cli.common import USAGE, CommandError
from omfiles._core import COMPRESSIONS
from omfiles._reading.names import suggest_names
from omfiles._writing.array_spec import scale_for

__all__ = ["EncodingOptions", "add_encoding"]


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
        ("--scale-factor", "the same in another way: keep floats in steps of 1/N"),
        ("--add-offset", "add this before scaling"),
    ):
        group.add_argument(option, type=_number, action="append", default=[], metavar="[VAR:]N", help=help)
    group.add_argument(
        "--precision",
        dest="scale_factor",
        type=_precision,
        action="append",
        metavar="[VAR:]STEP",
        help="keep floats in steps of STEP, such as 0.01; without, they are kept exactly",
    )
    group.add_argument(
        "--overflow",
        choices=("raise", "clip", "nan"),
        default="raise",
        help="what becomes of floats that are too large for their scale (default: an error)",
    )
    group.add_argument(
        "--strict",
        action="store_true",
        help="fail if a variable or an attribute cannot be stored as it is; without, it is left out with a warning",
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


def _precision(text: str) -> tuple[str | None, float]:
    variable, value = _number(text)
    try:
        return variable, scale_for(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


@dataclass(frozen=True)
class EncodingOptions:
    """How arrays are to be encoded.

    Parameters
    ----------
    general : mapping
        For all variables, all values that were given for ``chunks``, ``compression``, ``scale_factor``, ``add_offset``.
    single : mapping
        By path, the same for single variables, which goes before: one value each.
    """

    general: Mapping[str, Sequence[Any]]
    single: Mapping[str, Mapping[str, Any]]

    @classmethod
    def parse(cls, arguments: argparse.Namespace) -> EncodingOptions:
        """Collect the options of `add_encoding`. Of several for one variable the last counts."""
        general: dict[str, list[Any]] = {}
        single: dict[str, dict[str, Any]] = {}
        for name in ("chunks", "compression", "scale_factor", "add_offset"):
            for variable, value in getattr(arguments, name):
                if variable is None:
                    general.setdefault(name, []).append(value)
                else:
                    single.setdefault(variable, {})[name] = value
        return cls(general, single)

    def __bool__(self) -> bool:
        return bool(self.general or self.single)

    def for_variable(
        self, path: str, dims: Sequence[Any], shape: Sequence[int], dtype: np.dtype[Any], is_coordinate: bool
    ) -> dict[str, Any]:
        """Return the encoding of an array, as far as the options say it."""
        encoding = dict(self.single.get(path, {}))
        if not is_coordinate:
            for name, values in self.general.items():
                if name == "chunks":
                    values = [chunks for chunks in reversed(values) if _fits(chunks, dims)]
                elif dtype.kind != "f":
                    continue
                for value in values[-1:]:
                    encoding.setdefault(name, value)
        chunks = encoding.get("chunks")
        if isinstance(chunks, Mapping):
            if not _fits(chunks, dims):
                wrong = next(iter(chunks))
                raise CommandError(
                    f"{path} has no dimension {wrong!r}; {suggest_names(wrong, list(map(str, dims)))}", USAGE
                )
            encoding["chunks"] = tuple(chunks.get(dim, extent) for dim, extent in zip(dims, shape))
        return encoding

    def check(self, paths: Collection[str]) -> None:
        """Refuse what is for no variable."""
        for variable in sorted(self.single.keys() - set(paths)):
            raise CommandError(f"an option is for the variable {variable!r}; {suggest_names(variable, paths)}", USAGE)


def _fits(chunks: Any, dims: Sequence[Any]) -> bool:
    """Whether chunks can be those of a variable."""
    if isinstance(chunks, Mapping):
        return any(dim in chunks for dim in dims)
    return chunks == "auto" or len(chunks) == len(dims)
