# SPDX-License-Identifier: MIT
"""OM files made by hand, byte by byte, so that anything in them can be wrong."""

import struct

HEADER = b"OM\3"

# Two chunks of two int16 each, [1, 2] and [3, 4], and their look-up table [3, 6, 9]. A delta stream: the first value,
# then a block of equal values (CONST with 2 bits).
CHUNKS = bytes.fromhex("01c202 03c202")
LUT = bytes.fromhex("03c203")
LUT_SPAN = (len(LUT), 9)

START = 16  # of the first record

# Byte offsets in a record: of both layouts, and of an array without children and of one dimension.
COMPRESSION, NAME_SIZE, N_CHILDREN, CHILDREN = 1, 2, 4, 8
LUT_SIZE, LUT_PLACE, N_DIMS, SCALE, OFFSET, DIMS, CHUNK_LENGTHS, NAME = 8, 16, 24, 32, 36, 40, 48, 56

INT16, STRING_SCALAR, INT16_ARRAY, FLOAT_ARRAY, DOUBLE_ARRAY = 3, 11, 14, 20, 21


def u64(*numbers):
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def common(type, compression, name, children, n_children=None, name_size=None):
    n_children = len(children) if n_children is None else n_children
    return struct.pack("<BBHI", type, compression, len(name) if name_size is None else name_size, n_children)


def links(children):
    """Fields of children, which are given as (size, offset)."""
    return u64(*(size for size, _ in children)) + u64(*(offset for _, offset in children))


def array(
    type=INT16_ARRAY,
    *,
    compression=2,
    lut=LUT_SPAN,
    n_dims=None,
    scale=1.0,
    offset=0.0,
    dims=(4,),
    chunks=(2,),
    children=(),
    name=b"t",
    **counts,
):
    n_dims = len(dims) if n_dims is None else n_dims
    fixed = u64(*lut, n_dims) + struct.pack("<ff", scale, offset)
    return common(type, compression, name, children, **counts) + fixed + links(children) + u64(*dims, *chunks) + name


def small(type=0, *, compression=4, value=b"", children=(), name=b"g", **counts):
    """A group or scalar."""
    return common(type, compression, name, children, **counts) + links(children) + value + name


def om_file(*records, body=CHUNKS + LUT, root=None):
    """A file; the last record is the root. The first record lies at START if the body is not too long."""
    content = HEADER + body
    for record in records:
        content += bytes(-len(content) % 8)
        place = (len(content), len(record))
        content += record
    content += bytes(-len(content) % 8)
    return content + b"OM\3\0" + bytes(4) + u64(*(place if root is None else root))


def legacy(version=2, *, compression=2, scale=1.0, dims=(2, 2), chunks=(1, 2), ends=(3, 6), data=CHUNKS):
    """A file of version 1 or 2, of two chunks of two float32."""
    header = b"OM" + struct.pack("<BBfQQQQ", version, compression, scale, *dims, *chunks)
    return header + struct.pack(f"<{len(ends)}q", *ends) + data
