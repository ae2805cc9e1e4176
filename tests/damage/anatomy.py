# SPDX-License-Identifier: MIT
"""Where things are in an OM file, so that damage can be aimed. Only undamaged files are looked at."""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass, field

from omfiles.testing import reference


@dataclass(frozen=True)
class Field:
    """A number of `size` bytes at `offset`."""

    name: str
    offset: int
    size: int


@dataclass
class Anatomy:
    """Fields of all records, trailer and header; the bytes of chunks, of groups of look-up tables, and of names."""

    content: bytes
    fields: list[Field] = field(default_factory=list)
    records: list[tuple[int, int]] = field(default_factory=list)
    arrays: list[int] = field(default_factory=list)
    groups: list[tuple[int, int]] = field(default_factory=list)
    chunks: list[tuple[int, int]] = field(default_factory=list)
    texts: list[tuple[int, int]] = field(default_factory=list)

    @property
    def boundaries(self) -> list[int]:
        """Every place where something begins or ends."""
        spans = self.records + self.groups + self.chunks + self.texts
        spans += [(f.offset, f.offset + f.size) for f in self.fields]
        return sorted({place for span in spans for place in span} | {0, 3, len(self.content)})

    def add(self, names: str, offset: int, size: int) -> int:
        """Fields of one size, one behind the other; returns where they end."""
        for name in names.split():
            self.fields.append(Field(name, offset, size))
            offset += size
        return offset


def dissect(content: bytes) -> Anatomy:
    found = Anatomy(content)
    if content[-24:-20] == b"OM\3\0":
        found.add("magic reserved", len(content) - 24, 4)
        found.add("root_offset root_size", len(content) - 16, 8)
        offset, size = struct.unpack("<QQ", content[-16:])
        add_record(found, offset, size)
    else:
        add_legacy(found)
    return found


def add_record(found: Anatomy, offset: int, size: int) -> None:
    if (offset, offset + size) in found.records:
        return
    found.records.append((offset, offset + size))
    code, _, name_size, n_children = struct.unpack_from("<BBHI", found.content, offset)
    at = found.add("type compression", offset, 1)
    at = found.add("name_size", at, 2)
    at = found.add("n_children", at, 4)
    n_dims = 0
    if code >= 12:
        found.arrays.append(offset)
        lut_size, lut_offset, n_dims = struct.unpack_from("<QQQ", found.content, at)
        at = found.add("lut_size lut_offset n_dims", at, 8)
        at = found.add("scale_factor add_offset", at, 4)
    children = at
    at = found.add("child_size " * n_children + "child_offset " * n_children, at, 8)
    if n_dims:
        dims = struct.unpack_from(f"<{2 * n_dims}Q", found.content, at)
        at = found.add("dim " * n_dims + "chunk " * n_dims, at, 8)
        add_chunks(found, lut_offset, lut_size, dims[:n_dims], dims[n_dims:])
    elif code == 11:
        found.add("string_size", at, 8)
    found.texts.append((offset + size - name_size, offset + size))
    numbers = struct.unpack_from(f"<{2 * n_children}Q", found.content, children)
    for size, place in zip(numbers[:n_children], numbers[n_children:], strict=True):
        add_record(found, place, size)


def add_chunks(found: Anatomy, lut_offset: int, lut_size: int, dims: tuple[int, ...], chunks: tuple[int, ...]) -> None:
    n_entries = 1
    for dim, length in zip(dims, chunks, strict=True):
        n_entries *= -(-dim // length)
    n_entries += 1
    n_groups = -(-n_entries // 64)
    step = lut_size // n_groups
    found.groups += [(place, place + step) for place in range(lut_offset, lut_offset + lut_size, step)]
    entries = reference.decode_lut(found.content[lut_offset : lut_offset + lut_size], n_entries)
    found.chunks += itertools.pairwise(entries)


def add_legacy(found: Anatomy) -> None:
    at = found.add("magic_o magic_m version compression", 0, 1)
    at = found.add("scale_factor", at, 4)
    at = found.add("dim dim chunk chunk", at, 8)
    dim0, dim1, chunk0, chunk1 = struct.unpack_from("<4Q", found.content, 8)
    n_chunks = -(-dim0 // chunk0) * -(-dim1 // chunk1)
    start = found.add("lut_entry " * n_chunks, at, 8)
    ends = struct.unpack_from(f"<{n_chunks}q", found.content, at)
    found.chunks += [(start + a, start + b) for a, b in zip((0, *ends[:-1]), ends, strict=True)]
