# SPDX-License-Identifier: MIT
"""Ways to damage a file, aimed by its anatomy. `mutant` picks one, or several; the same for the same random numbers."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import crafted
from anatomy import Anatomy, Field

from omfiles.testing import reference
from omfiles.testing.strategies import STREAMS, grow_block, grow_stream

HUGE = [2**k + d for k in (7, 8, 15, 16, 28, 31, 32, 53, 60, 61, 62, 63) for d in (-1, 0, 1)] + [2**64 - 1, 2**64 - 8]
Mutation = Callable[[random.Random, Anatomy], bytes]


def replaced(content: bytes, offset: int, new: bytes) -> bytes:
    """With `new` in place of as many bytes; what would lie behind the end is dropped."""
    return (content[:offset] + new + content[offset + len(new) :])[: len(content)]


def hostile(rng: random.Random, content: bytes) -> int:
    """A number that is huge, wraps around, or is as good as the size of the file."""
    near = len(content) + rng.choice([-24, -16, -8, -1, 0, 1, 8])
    wrapping = 2**64 - rng.choice([1, 3, 8, rng.randrange(1, len(content) + 2)])
    return rng.choice([0, 1, 2, rng.choice(HUGE), near, wrapping, rng.randrange(len(content) + 1)]) % 2**64


def with_number(content: bytes, place: Field, number: int) -> bytes:
    return replaced(content, place.offset, (number % 2 ** (8 * place.size)).to_bytes(place.size, "little"))


def fields_named(file: Anatomy, *names: str) -> list[Field]:
    return [place for place in file.fields if place.name in names]


def pick(rng: random.Random, file: Anatomy, spans: list[tuple[int, int]]) -> tuple[int, int]:
    """One of them; the whole file if there is none."""
    return rng.choice(spans or [(0, len(file.content))])


# --- blind ------------------------------------------------------------------------------------------------------------


def bit_flips(rng: random.Random, file: Anatomy) -> bytes:
    content = bytearray(file.content)
    begin, end = pick(rng, file, rng.choice([file.records, file.groups, file.chunks, []]))
    for _ in range(rng.choice([1, 1, 2, 8])):
        content[rng.randrange(begin, end)] ^= 1 << rng.randrange(8)
    return bytes(content)


def splice(rng: random.Random, file: Anatomy) -> bytes:
    """One part in place of another, of the same length or not."""
    parts = file.records + file.groups + file.chunks + file.texts
    begin, end = rng.choice(parts)
    source, stop = rng.choice(parts)
    part = file.content[source:stop]
    if rng.random() < 0.5:
        return replaced(file.content, begin, part)
    return file.content[:begin] + part + file.content[end:]


def truncation(rng: random.Random, file: Anatomy) -> bytes:
    """Cut off at a boundary or beside it; sometimes with the trailer of the whole."""
    cut = max(0, rng.choice(file.boundaries) + rng.choice([-1, 0, 0, 0, 1]))
    trailer = file.content[-24:] if rng.random() < 0.3 else b""
    return file.content[:cut] + trailer


def shift(rng: random.Random, file: Anatomy) -> bytes:
    """Bytes too many or too few, mostly at a boundary."""
    place = rng.choice([*file.boundaries, rng.randrange(len(file.content))])
    if rng.random() < 0.5:
        return file.content[:place] + rng.randbytes(rng.randint(1, 16)) + file.content[place:]
    return file.content[:place] + file.content[place + rng.randint(1, 16) :]


def random_bytes(rng: random.Random, file: Anatomy) -> bytes:
    start = rng.choice([b"", b"OM", b"OM\1", b"OM\2", b"OM\3"])
    end = rng.choice([b"", b"OM\3\0", file.content[-24:]])
    return start + rng.randbytes(rng.choice([0, 10, 100, 1000])) + end


# --- records ----------------------------------------------------------------------------------------------------------


def one_field(rng: random.Random, file: Anatomy) -> bytes:
    return with_number(file.content, rng.choice(file.fields), hostile(rng, file.content))


def several_fields(rng: random.Random, file: Anatomy) -> bytes:
    content = file.content
    for _ in range(rng.randint(2, 4)):
        content = with_number(content, rng.choice(file.fields), hostile(rng, content))
    return content


def place_and_size(rng: random.Random, file: Anatomy) -> bytes:
    """An offset and a size whose sum wraps around, or ends at or just behind the end of the file."""
    places = fields_named(file, "lut_offset", "root_offset", "child_offset")
    sizes = fields_named(file, "lut_size", "root_size", "child_size")
    if not places:
        return one_field(rng, file)
    number = hostile(rng, file.content)
    end = rng.choice([2**64, 2**64 + 8, len(file.content), len(file.content) + 1])
    content = with_number(file.content, rng.choice(places), number)
    return with_number(content, rng.choice(sizes), end - number)


def dims_and_chunks(rng: random.Random, file: Anatomy) -> bytes:
    places = fields_named(file, "dim", "chunk", "n_dims")
    content = file.content
    for place in rng.sample(places, min(len(places), rng.randint(1, 4))):
        content = with_number(content, place, rng.choice([hostile(rng, content), rng.randrange(1, 300)]))
    return content


def type_and_compression(rng: random.Random, file: Anatomy) -> bytes:
    offset, _ = rng.choice(file.records) if file.records else (2, 0)
    known = bytes([rng.randrange(0, 24), rng.randrange(0, 6)])
    return replaced(file.content, offset, rng.choice([known, rng.randbytes(2)]))


def children(rng: random.Random, file: Anatomy) -> bytes:
    """Children that are shared, that are their own ancestors, or that are no records."""
    offsets, sizes = fields_named(file, "child_offset"), fields_named(file, "child_size")
    if not offsets:
        return crafted_tree(rng, file)
    content = file.content
    for _ in range(rng.randint(1, 6)):
        i = rng.randrange(len(offsets))
        begin, end = rng.choice([*file.records, pick(rng, file, file.chunks)])
        content = with_number(content, offsets[i], begin)
        content = with_number(content, sizes[i], end - begin)
    return content


def texts(rng: random.Random, file: Anatomy) -> bytes:
    """Names and lengths of strings."""
    if rng.random() < 0.5 and (places := fields_named(file, "name_size", "string_size")):
        return with_number(file.content, rng.choice(places), hostile(rng, file.content))
    begin, end = pick(rng, file, file.texts)
    bad = rng.choice([b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\0", b"/", rng.randbytes(4)])
    return replaced(file.content, rng.randrange(begin, end) if begin < end else begin, bad)


def crafted_tree(rng: random.Random, file: Anatomy) -> bytes:
    """Records made by hand that refer to each other at random, forwards and backwards."""
    records: list[bytes] = []
    n = rng.randint(2, 30)
    for _ in range(n):
        links = [
            (rng.choice([8, 24, 25, 40, 41, 57, 73]), 16 + 8 * rng.randrange(6 * n)) for _ in range(rng.randrange(3))
        ]
        make = rng.choice([crafted.small, crafted.array])
        records.append(make(children=links, name=rng.choice([b"", b"n", b"name"])))
    return crafted.om_file(*records)


def crafted_array(rng: random.Random, file: Anatomy) -> bytes:
    """An array made by hand around data that may be anything."""
    n_dims = rng.randint(1, 4)
    dims = [rng.choice([1, 2, 3, 4, 127, 129, 2**20, 2**33]) for _ in range(n_dims)]
    lengths = [rng.choice([1, 2, dim, dim + 1]) for dim in dims]
    body = rng.choice([crafted.CHUNKS + crafted.LUT, rng.randbytes(rng.randrange(200)), bytes(600)])
    lut = rng.choice([crafted.LUT_SPAN, (rng.randrange(len(body) + 1), rng.randrange(len(body) + 4))])
    kind, compression = rng.randrange(12, 22), rng.randrange(0, 4)
    scale = rng.choice([1.0, 20.0, -0.5, 1e-45, 3e38, float("nan"), 0.0])
    record = crafted.array(kind, compression=compression, dims=dims, chunks=lengths, lut=lut, scale=scale)
    return crafted.om_file(record, body=body)


# --- data -------------------------------------------------------------------------------------------------------------


def streams(rng: random.Random, file: Anatomy) -> bytes:
    """Streams in chunks: of another kind, of hostile blocks, of rubbish."""
    begin, end = pick(rng, file, file.chunks)
    size = end - begin
    what = rng.randrange(5)
    if what == 0:
        new = grow_stream(rng.choice(STREAMS), rng.choice([1, 2, 129, 1000]), rng.getrandbits(32)).data
    elif what == 1:
        new = bytes([rng.choice([0, 255, rng.randrange(256)])]) * size
    elif what == 2:
        new = rng.randbytes(size)
    elif what == 3:
        blocks = (
            grow_block(rng, rng.choice([128, rng.randint(1, 128)]), rng.choice([8, 16, 32, 64])) for _ in range(3)
        )
        return replaced(file.content, begin + rng.randrange(size), b"".join(blocks)[: size or 1])
    else:  # the header of a block, and what it may be taken for
        new = bytes([rng.choice([0, 0x40, 0x80, 0xC0]) | rng.randrange(64), *rng.choices([0, 1, 127, 128, 255], k=3)])
        return replaced(file.content, begin + rng.choice([0, 1, 2, rng.randrange(size)]), new)
    return replaced(file.content, begin, new[:size])


def tables(rng: random.Random, file: Anatomy) -> bytes:
    """Entries of look-up tables that descend, repeat, wrap around, or lead out of the file."""
    if not file.groups:  # a legacy file
        places = fields_named(file, "lut_entry")
        return with_number(file.content, rng.choice(places), hostile(rng, file.content))
    begin, end = rng.choice(file.groups)
    n = rng.choice([1, 2, 3, 64])
    known = [place for span in file.chunks for place in span] or [3]
    numbers = [rng.choice([rng.choice(known), hostile(rng, file.content)]) for _ in range(n)]
    if rng.random() < 0.5:
        numbers.sort()
    new = rng.choice([reference.encode_stream(numbers, "delta", 64), rng.randbytes(end - begin)])
    return replaced(file.content, begin, new[: end - begin].ljust(end - begin, b"\0"))


def legacy(rng: random.Random, file: Anatomy) -> bytes:
    """Headers of versions 1 and 2, alone or in front of another file without its trailer."""
    dims = [rng.choice([1, 2, 3, 300, 2**20, rng.choice(HUGE)]) for _ in range(2)]
    lengths = [rng.choice([1, 2, dim, rng.choice(HUGE)]) for dim in dims]
    header = struct.pack(
        "<ccBBf", b"O", b"M", rng.choice([1, 2]), rng.randrange(6), rng.choice([1, 20, 0, float("inf")])
    )
    header += struct.pack("<4Q", *dims, *lengths)
    ends = [rng.choice([rng.randrange(500), hostile(rng, file.content)]) for _ in range(rng.choice([1, 4, 70]))]
    if rng.random() < 0.5:
        ends.sort()
    return header + struct.pack(f"<{len(ends)}Q", *ends) + file.content[40:-24]


MUTATIONS: list[Mutation] = [
    bit_flips,
    splice,
    truncation,
    shift,
    random_bytes,
    one_field,
    several_fields,
    place_and_size,
    dims_and_chunks,
    type_and_compression,
    children,
    texts,
    crafted_tree,
    crafted_array,
    streams,
    tables,
    legacy,
]


def mutant(rng: random.Random, files: list[Anatomy]) -> tuple[str, bytes]:
    """The kind of a mutant, and the mutant."""
    mutate = rng.choice(MUTATIONS)
    file = rng.choice(files)
    content = mutate(rng, file)
    if rng.random() < 0.1:  # and one that is not aimed, as the anatomy no longer holds
        content = bit_flips(rng, Anatomy(content)) if content else content
    return mutate.__name__, content
