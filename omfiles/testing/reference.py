# SPDX-License-Identifier: MIT
"""The OM file format in plain Python: slow, complete, and written to be read beside docs/format.md.

It shares no code with the C core, and so serves as the second opinion of the test suite. Section numbers are those
of docs/format.md. Everything that a reader must refuse raises `Malformed`.

>>> import numpy as np
>>> tree = Variable("t", np.arange(6, dtype="int16").reshape(2, 3), chunks=(1, 3))
>>> read_file(write_file(tree)).value
array([[0, 1, 2],
       [3, 4, 5]], dtype=int16)

Trees are walked by recursion here, so some hundreds of levels is the limit.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Kind = Literal["delta", "zigzag", "xor"]
Overflow = Literal["raise", "clip", "nan"]

PLAIN, VBYTE, PATCH, CONST = 0, 1, 2, 3
BLOCK = 128
LUT_GROUP = 64

TYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")
GROUP, FIRST_SCALAR, STRING, FIRST_ARRAY = 0, 1, 11, 12
COMPRESSIONS = ("pfor_delta_2d_int16", "fpx_xor_2d", "pfor_delta_2d", "pfor_delta_2d_int16_logarithmic", "none")
NO_COMPRESSION = 4


class Malformed(ValueError):
    """The bytes break a rule of the format."""


def require(condition: bool, reason: str) -> None:
    if not condition:
        raise Malformed(reason)


def ceil8(x: int) -> int:
    return (x + 7) // 8


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


class Source:
    """Bytes that are consumed from the front and never read beyond their end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, n_bytes: int) -> bytes:
        require(n_bytes <= len(self.data) - self.position, f"{n_bytes} bytes wanted at {self.position}: too short")
        self.position += n_bytes
        return self.data[self.position - n_bytes : self.position]

    def number(self, n_bytes: int, order: Literal["little", "big"] = "little") -> int:
        return int.from_bytes(self.take(n_bytes), order)

    def finish(self) -> None:
        require(self.position == len(self.data), f"{len(self.data) - self.position} bytes left over")


# --- section 5: packing -----------------------------------------------------------------------------------------------


def pack(values: list[int], bits: int) -> bytes:
    """Horizontal packing: value i takes bits [i * bits, (i + 1) * bits)."""
    stream = 0
    for i, value in enumerate(values):
        stream |= value << (i * bits)
    return stream.to_bytes(ceil8(len(values) * bits), "little")


def unpack(data: bytes, n: int, bits: int) -> list[int]:
    stream = int.from_bytes(data, "little")
    mask = (1 << bits) - 1
    return [(stream >> (i * bits)) & mask for i in range(n)]


def pack_vertical(values: list[int], bits: int, word: int) -> bytes:
    """Vertical packing of a full block: value i goes to lane i mod L; the words of the lanes take turns in the file."""
    n_lanes, size = BLOCK // word, word // 8
    lanes = [pack(values[i::n_lanes], bits) for i in range(n_lanes)]
    return b"".join(lane[i : i + size] for i in range(0, len(lanes[0]), size) for lane in lanes)


def unpack_vertical(data: bytes, bits: int, word: int) -> list[int]:
    n_lanes, size = BLOCK // word, word // 8
    words = [data[i : i + size] for i in range(0, len(data), size)]
    values = [0] * BLOCK
    for lane in range(n_lanes):
        values[lane::n_lanes] = unpack(b"".join(words[lane::n_lanes]), BLOCK // n_lanes, bits)
    return values


def vertical_word(n: int, bits: int, kind: Kind, width: int) -> int:
    """Word length of the lanes that hold the low parts of a block; 0 if it is packed horizontally."""
    if n < BLOCK or width == 8:
        return 0
    if width == 64:
        return 32 if kind == "xor" and bits <= 32 else 0  # section 6
    return width


def pack_low(values: list[int], bits: int, kind: Kind, width: int) -> bytes:
    low = [value & ((1 << bits) - 1) for value in values]
    word = vertical_word(len(low), bits, kind, width)
    return pack_vertical(low, bits, word) if word else pack(low, bits)


def unpack_low(src: Source, n: int, bits: int, kind: Kind, width: int) -> list[int]:
    data = src.take(ceil8(n * bits))
    word = vertical_word(n, bits, kind, width)
    return unpack_vertical(data, bits, word) if word else unpack(data, n, bits)


# --- section 5: variable-byte numbers and first values ----------------------------------------------------------------


def encode_vbytes(numbers: list[int], width: int) -> bytes:
    coded = b"".join(encode_vbyte(y) for y in numbers)
    if len(coded) > len(numbers) * width // 8:
        return b"\xff" + b"".join(y.to_bytes(width // 8, "little") for y in numbers)
    return coded


def encode_vbyte(y: int) -> bytes:
    if y < 177:
        return bytes([y])
    if y < 16561:
        return (177 * 256 + y - 177).to_bytes(2, "big")
    if y < 540849:
        return bytes([241 + ((y - 16561) >> 16)]) + ((y - 16561) & 0xFFFF).to_bytes(2, "little")
    k = ceil8(y.bit_length())
    return bytes([249 + k - 3]) + y.to_bytes(k, "little")


def decode_vbytes(src: Source, m: int, width: int) -> list[int]:
    if m == 0:
        return []
    if src.data[src.position : src.position + 1] == b"\xff":
        src.take(1)
        return [src.number(width // 8) for _ in range(m)]
    return [decode_vbyte(src, width) for _ in range(m)]


def decode_vbyte(src: Source, width: int) -> int:
    first = src.number(1)
    require(first < 255, "variable-byte number starts with 255")
    if first < 177:
        y = first
    elif first < 241:
        y = (first - 177) * 256 + src.number(1) + 177
    elif first < 249:
        y = ((first - 241) << 16) + src.number(2) + 16561
    else:
        y = src.number(first - 249 + 3)
    require(y < 1 << width, f"variable-byte number of more than {width} bits")
    return y


def encode_first(x: int, width: int) -> bytes:
    """First value of a delta stream. The number of leading one bits of its first byte tells the length."""
    low32 = (x & 0xFFFFFFFF).to_bytes(4, "little")
    if width == 8 or x < 1 << 7:
        return bytes([x])
    if x < 1 << 14:
        return (x | 0x8000).to_bytes(2, "big")
    if x < 1 << 21:
        return bytes([0xC0 | x >> 16]) + (x & 0xFFFF).to_bytes(2, "little")
    if x < 1 << 28:
        return (x | 0xE0000000).to_bytes(4, "big")
    if x < 1 << 35:
        return bytes([0xF0 | x >> 32]) + low32
    if x < 1 << 42:
        return (0xF800 | x >> 32).to_bytes(2, "big") + low32
    if x < 1 << 49:
        return bytes([0xFC | x >> 48]) + (x >> 32 & 0xFFFF).to_bytes(2, "little") + low32
    if x < 1 << 56:
        return (x | 0xFE << 56).to_bytes(8, "big")
    return b"\xff" + x.to_bytes(8, "little")


def decode_first(src: Source, width: int) -> int:
    first = src.number(1)
    if width == 8 or first < 0x80:
        x = first
    elif first < 0xC0:
        x = (first & 0x3F) << 8 | src.number(1)
    elif first < 0xE0:
        x = (first & 0x1F) << 16 | src.number(2)
    elif first < 0xF0:
        x = (first & 0x0F) << 24 | src.number(3, "big")
    elif first < 0xF8:
        x = (first & 0x07) << 32 | src.number(4)
    else:
        require(width == 64, f"first byte {first:#x} of a first value of {width} bits")
        if first < 0xFC:
            x = (first & 0x03) << 40 | src.number(1) << 32 | src.number(4)
        elif first < 0xFE:
            x = (first & 0x01) << 48 | src.number(2) << 32 | src.number(4)
        elif first == 0xFE:
            x = src.number(7, "big")
        else:
            x = src.number(8)
    require(x < 1 << width, f"first value of more than {width} bits")
    return x


# --- section 5: blocks ------------------------------------------------------------------------------------------------


def choose_layout(values: list[int], width: int) -> tuple[int, int]:
    """The kind and bit width that a writer gives a block."""
    n = len(values)
    lengths = [value.bit_length() for value in values]
    top = max(lengths)
    if top and len(set(values)) == 1:
        return CONST, top
    kind, bits, cost = PLAIN, top, ceil8(n * top) + 1
    for b in range(top - 1, -1, -1):
        rests = [length - b for length in lengths if length > b]
        patch = ceil8(n * b) + 2 + ceil8(n) + ceil8(len(rests) * (top - b))
        if patch < cost:
            kind, bits, cost = PATCH, b, patch
        vbyte = ceil8(n * b) + 2 + len(rests) + sum(map(estimated_vbyte_size, rests))
        if width > 8 and vbyte < cost:
            kind, bits, cost = VBYTE, b, vbyte
    return (PLAIN, 64) if width == 64 and bits == 63 else (kind, bits)


def estimated_vbyte_size(n_bits: int) -> int:
    return next((size for limit, size in ((7, 1), (15, 2), (19, 4), (25, 7)) if n_bits <= limit), 11)


def encode_block(values: list[int], kind: Kind, width: int, layout: tuple[int, int] | None = None) -> bytes:
    """Encode a block, by default with the layout that a writer chooses."""
    code, bits = layout or choose_layout(values, width)
    header = bytes([code << 6 | min(bits, 63)])
    if code == CONST:
        return header + values[0].to_bytes(ceil8(bits), "little")
    low = pack_low(values, bits, kind, width)
    positions = [i for i, value in enumerate(values) if value >> bits]
    highs = [values[i] >> bits for i in positions]
    if code == PATCH:
        extra = max(highs, default=0).bit_length()
        bitmap = sum(1 << i for i in positions).to_bytes(ceil8(len(values)), "little")
        return header + bytes([extra]) + bitmap + pack(highs, extra) + low
    if code == VBYTE:
        return header + bytes([len(positions)]) + low + encode_vbytes(highs, width) + bytes(positions)
    return header + low


def decode_block(src: Source, n: int, kind: Kind, width: int) -> list[int]:
    header = src.number(1)
    layout, bits = header >> 6, header & 63
    if width == 64 and bits == 63:
        bits = 64
    require(bits <= width, f"block of {bits} bits in a stream of {width}-bit words")
    if layout == PLAIN:
        return unpack_low(src, n, bits, kind, width)
    if layout == CONST:
        return [src.number(ceil8(bits)) & ((1 << bits) - 1)] * n
    if layout == PATCH:
        extra = src.number(1)
        require(bits == 64 or bits + extra <= width, f"{bits} + {extra} bits in a stream of {width}-bit words")
        bitmap = src.number(ceil8(n))
        positions = [i for i in range(n) if bitmap >> i & 1]
        highs = unpack(src.take(ceil8(len(positions) * extra)), len(positions), extra)
        values = unpack_low(src, n, bits, kind, width)
    else:
        require(width > 8, "VBYTE block in a stream of 8-bit words")
        m = src.number(1)
        require(m <= n, f"{m} exceptions in a block of {n}")
        values = unpack_low(src, n, bits, kind, width)
        highs = decode_vbytes(src, m, width)
        positions = list(src.take(m))
        require(all(a < b for a, b in zip(positions, [*positions[1:], n])), "positions do not ascend below n")
    for position, high in zip(positions, highs, strict=True):
        require(high << bits < 1 << width, f"exception does not fit {width} bits")
        values[position] += high << bits
    return values


# --- sections 5 and 6: streams ----------------------------------------------------------------------------------------


def blocks(values: list[int]) -> list[list[int]]:
    return [values[i : i + BLOCK] for i in range(0, len(values), BLOCK)]


def block_sizes(n: int) -> list[int]:
    return [min(BLOCK, n - i) for i in range(0, n, BLOCK)]


def stream_min_size(n: int, kind: Kind) -> int:
    return 2 * ceil_div(n, BLOCK) if kind == "xor" else 1 + ceil_div(n - 1, BLOCK)


def stream_max_size(n: int, width: int) -> int:
    return 9 + n * (width // 8 + 10) + 4 * ceil_div(n, BLOCK)


def encode_stream(values: list[int], kind: Kind, width: int) -> bytes:
    """Encode unsigned words of `width` bits, with the choices that a writer makes.

    >>> encode_stream([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], "zigzag", 16).hex()
    '00c202'
    """
    if kind == "xor":
        return encode_xor(values, width)
    modulus = 1 << width
    differences = [(b - a) % modulus for a, b in itertools.pairwise(values)]
    if kind == "zigzag":
        differences = [(e << 1) % modulus ^ (modulus - 1 if e >> (width - 1) else 0) for e in differences]
    return encode_first(values[0], width) + b"".join(encode_block(block, kind, width) for block in blocks(differences))


def decode_stream(data: bytes, n: int, kind: Kind, width: int) -> list[int]:
    """Decode exactly n >= 1 words from exactly these bytes."""
    require(stream_min_size(n, kind) <= len(data), f"{len(data)} bytes cannot hold {n} values")
    src = Source(data)
    values = decode_xor(src, n, width) if kind == "xor" else decode_delta(src, n, kind, width)
    src.finish()
    return values


def decode_delta(src: Source, n: int, kind: Kind, width: int) -> list[int]:
    values = [decode_first(src, width)]
    for size in block_sizes(n - 1):
        for e in decode_block(src, size, kind, width):
            step = e if kind == "delta" else e >> 1 ^ -(e & 1)
            values.append((values[-1] + step) % (1 << width))
    return values


def encode_xor(values: list[int], width: int) -> bytes:
    out = b""
    for block in blocks([a ^ b for a, b in itertools.pairwise([0, *values])]):
        z = width - max(block).bit_length()
        out += bytes([z]) + encode_block([reverse_bits(x << z, width) for x in block], "xor", width)
    return out


def decode_xor(src: Source, n: int, width: int) -> list[int]:
    values = [0]
    for size in block_sizes(n):
        z = src.number(1)
        for x in decode_block(src, size, "xor", width):
            values.append(values[-1] ^ reverse_bits(x, width) >> z)
    return values[1:]


def reverse_bits(x: int, width: int) -> int:
    return int(f"{x:0{width}b}"[::-1], 2)


# --- sections 3 and 4: chunks -----------------------------------------------------------------------------------------


def stream_of(dtype: np.dtype, compression: str) -> tuple[Kind, int]:
    """The stream that holds a chunk, and the width of its words."""
    width = dtype.itemsize * 8
    if compression == "fpx_xor_2d" and dtype.kind == "f":
        return "xor", width
    if compression == "pfor_delta_2d":
        return ("delta" if dtype.kind == "u" else "zigzag"), width
    if compression in ("pfor_delta_2d_int16", "pfor_delta_2d_int16_logarithmic") and dtype == np.float32:
        return "zigzag", 16
    raise Malformed(f"{dtype} cannot be compressed by {compression}")


def encode_chunk(
    array: np.ndarray,
    compression: str,
    scale_factor: float = 1.0,
    add_offset: float = 0.0,
    overflow: Overflow = "raise",
) -> bytes:
    kind, width = stream_of(array.dtype, compression)
    words = array.astype(array.dtype.newbyteorder("<"), order="C")
    if array.dtype.kind == "f" and kind == "zigzag":
        logarithmic = compression == "pfor_delta_2d_int16_logarithmic"
        words = quantise(words, width, scale_factor, add_offset, logarithmic, overflow)
    matrix = words.reshape(-1, array.shape[-1]).view(f"<u{width // 8}")
    return encode_stream(filter_rows(matrix, kind).ravel().tolist(), kind, width)


def decode_chunk(
    data: bytes,
    shape: tuple[int, ...],
    dtype: np.dtype | str,
    compression: str,
    scale_factor: float = 1.0,
    add_offset: float = 0.0,
) -> np.ndarray:
    dtype = np.dtype(dtype)
    kind, width = stream_of(dtype, compression)
    n = math.prod(shape)
    require(len(data) <= stream_max_size(n, width), f"{len(data)} bytes are too many for {n} values")
    words = np.array(decode_stream(data, n, kind, width), dtype=f"<u{width // 8}")
    matrix = unfilter_rows(words.reshape(-1, shape[-1]), kind)
    if dtype.kind == "f" and kind == "zigzag":
        logarithmic = compression == "pfor_delta_2d_int16_logarithmic"
        return dequantise(matrix.view(f"<i{width // 8}"), dtype, scale_factor, add_offset, logarithmic).reshape(shape)
    return matrix.view(dtype).reshape(shape)


def filter_rows(matrix: np.ndarray, kind: Kind) -> np.ndarray:
    """Section 3, 2-D delta and 2-D XOR: every row but the first minus (or XOR) the row before it, modulo 2^w."""
    out = matrix.copy()
    if kind == "xor":
        seen, target = xor_view(matrix), xor_view(out)
        target[1:] = seen[1:] ^ seen[:-1]
    else:
        out[1:] = matrix[1:] - matrix[:-1]
    return out


def unfilter_rows(matrix: np.ndarray, kind: Kind) -> np.ndarray:
    if kind == "xor":
        target = xor_view(matrix)
        np.bitwise_xor.accumulate(target, axis=0, out=target)
        return matrix
    return np.add.accumulate(matrix, axis=0, dtype=matrix.dtype)


def xor_view(matrix: np.ndarray) -> np.ndarray:
    """The words that 2-D XOR works on: of float64, for compatibility, only the first half, taken as 32-bit words."""
    return matrix.ravel().view("<u4")[: matrix.size].reshape(matrix.shape)


def quantise(
    x: np.ndarray, width: int, scale_factor: float, add_offset: float, logarithmic: bool, overflow: Overflow
) -> np.ndarray:
    """Floats to integers of `width` bits, every step rounded to the type of x."""
    s, o = x.dtype.type(np.float32(scale_factor)), x.dtype.type(np.float32(add_offset))
    nan, low = 2 ** (width - 1) - 1, -(2 ** (width - 1))
    with np.errstate(all="ignore"):
        q = round_half_away(np.log10(1 + x) * s if logarithmic else (x + o) * s)
    if logarithmic:
        q[x <= -1] = low
    fits = (q >= float(low)) & (q < float(nan))
    if logarithmic:
        fits &= x >= -1
    bad = ~fits & ~np.isnan(x)
    if bad.any() and overflow == "raise":
        raise ValueError(f"{bad.sum()} values do not fit {width} bits, such as {x[bad].flat[0]}")
    stored = np.full(x.shape, nan, dtype=f"<i{width // 8}")
    stored[fits] = q[fits].astype(stored.dtype)
    if overflow == "clip":
        stored[bad] = np.where(q[bad] > 0, nan - 1, low)
    return stored


def dequantise(q: np.ndarray, dtype: np.dtype, scale_factor: float, add_offset: float, logarithmic: bool) -> np.ndarray:
    s, o = dtype.type(np.float32(scale_factor)), dtype.type(np.float32(add_offset))
    with np.errstate(all="ignore"):
        x = np.power(dtype.type(10), q.astype(dtype) / s) - 1 if logarithmic else q.astype(dtype) / s - o
    x[q == np.iinfo(q.dtype).max] = np.nan
    return x


def round_half_away(y: np.ndarray) -> np.ndarray:
    """C's round and roundf. The fraction is exact, so a half is recognised for certain."""
    whole = np.trunc(y)
    return np.where(np.abs(y - whole) >= 0.5, whole + np.sign(y), whole).astype(y.dtype)


# --- section 2: look-up table -----------------------------------------------------------------------------------------


def encode_lut(entries: list[int]) -> bytes:
    groups = [encode_stream(entries[i : i + LUT_GROUP], "delta", 64) for i in range(0, len(entries), LUT_GROUP)]
    longest = max(map(len, groups))
    return b"".join(group.ljust(longest, b"\0") for group in groups)


def decode_lut(data: bytes, n_entries: int) -> list[int]:
    require(n_entries <= 32 * len(data), f"a LUT of {len(data)} bytes cannot hold {n_entries} entries")
    n_groups = ceil_div(n_entries, LUT_GROUP)
    require(len(data) % n_groups == 0, f"LUT size {len(data)} is not a multiple of {n_groups} groups")
    group_size = len(data) // n_groups
    entries: list[int] = []
    for group in range(n_groups):
        src = Source(data[group * group_size : (group + 1) * group_size])
        entries += decode_delta(src, min(LUT_GROUP, n_entries - len(entries)), "delta", 64)
    return entries


# --- sections 1 and 2: arrays in files --------------------------------------------------------------------------------


@dataclass
class Variable:
    """A node of a file: `value` is None (a group), a str, a numpy scalar or an array; the rest is about arrays."""

    name: str = ""
    value: Any = None
    children: list[Variable] = field(default_factory=list)
    chunks: tuple[int, ...] = ()
    compression: str = "pfor_delta_2d"
    scale_factor: float = 1.0
    add_offset: float = 0.0


@dataclass
class Description:
    """What a record says about an array: all that is needed to decode its chunks."""

    dtype: np.dtype
    compression: int
    scale_factor: float
    add_offset: float
    shape: tuple[int, ...]
    chunks: tuple[int, ...]

    def __post_init__(self) -> None:
        """Section 7, as far as it concerns these fields."""
        require(self.compression < NO_COMPRESSION, f"compression {self.compression} of an array")
        stream_of(self.dtype, COMPRESSIONS[self.compression])
        require(len(self.shape) >= 1, "an array without dimensions")
        sides = zip(self.shape, self.chunks, strict=True)
        require(all(1 <= chunk <= dim for dim, chunk in sides), f"chunks {self.chunks} of {self.shape}")
        require(math.isfinite(self.scale_factor) and self.scale_factor != 0, f"scale_factor {self.scale_factor}")
        require(math.isfinite(self.add_offset), f"add_offset {self.add_offset}")

    @property
    def codec(self) -> tuple[str, float, float]:
        return COMPRESSIONS[self.compression], self.scale_factor, self.add_offset

    @property
    def n_chunks(self) -> int:
        return math.prod(ceil_div(dim, chunk) for dim, chunk in zip(self.shape, self.chunks, strict=True))


def chunk_boxes(shape: tuple[int, ...], chunks: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """The boxes of the chunk grid in C order, clipped at the upper edges."""
    axes = [
        [slice(start, min(start + chunk, dim)) for start in range(0, dim, chunk)]
        for dim, chunk in zip(shape, chunks, strict=True)
    ]
    return itertools.product(*axes)


def encode_chunks(variable: Variable) -> list[bytes]:
    codec = variable.compression, variable.scale_factor, variable.add_offset
    boxes = chunk_boxes(variable.value.shape, variable.chunks)
    return [encode_chunk(variable.value[box], *codec) for box in boxes]


def decode_chunks(file: bytes, entries: list[int], array: Description) -> np.ndarray:
    """Decode all chunks. Entry i of the LUT is where chunk i starts in the file, entry i + 1 where it ends."""
    require(all(a < b for a, b in itertools.pairwise(entries)), "LUT does not ascend")
    require(entries[-1] <= len(file), "LUT leads out of the file")
    kind, _ = stream_of(array.dtype, array.codec[0])
    longest = max(end - begin for begin, end in itertools.pairwise(entries))
    require(stream_min_size(math.prod(array.chunks), kind) <= longest, "the chunks' bytes cannot hold their elements")
    pieces = []
    for box, (begin, end) in zip(chunk_boxes(array.shape, array.chunks), itertools.pairwise(entries), strict=True):
        shape = tuple(side.stop - side.start for side in box)
        pieces.append((box, decode_chunk(file[begin:end], shape, array.dtype, *array.codec)))
    out = np.empty(array.shape, array.dtype)
    for box, piece in pieces:
        out[box] = piece
    return out


# --- section 1: records and files -------------------------------------------------------------------------------------

TRAILER = struct.Struct("<4sIQQ")


def encode_record(variable: Variable, children: list[tuple[int, int]], lut: tuple[int, int] = (0, 0)) -> bytes:
    """A variable record; `children` and, for arrays, `lut` are (size, offset)."""
    value, name = variable.value, variable.name.encode()
    sizes_offsets = [size for size, _ in children] + [offset for _, offset in children]
    links = struct.pack(f"<{2 * len(children)}Q", *sizes_offsets)
    if isinstance(value, np.ndarray):
        code = FIRST_ARRAY + TYPES.index(value.dtype.name)
        compression = COMPRESSIONS.index(variable.compression)
        fixed = struct.pack("<QQQff", *lut, value.ndim, variable.scale_factor, variable.add_offset)
        rest = struct.pack(f"<{2 * value.ndim}Q", *value.shape, *variable.chunks)
    else:
        compression, fixed = NO_COMPRESSION, b""
        if value is None:
            code, rest = GROUP, b""
        elif isinstance(value, str):
            code, rest = STRING, struct.pack("<Q", len(value.encode())) + value.encode()
        else:
            code = FIRST_SCALAR + TYPES.index(value.dtype.name)
            rest = value.astype(value.dtype.newbyteorder("<")).tobytes()
    return struct.pack("<BBHI", code, compression, len(name), len(children)) + fixed + links + rest + name


@dataclass
class Record:
    """A decoded record. Spans are (size, offset) as they stand in files."""

    variable: Variable
    children: list[tuple[int, int]]
    array: Description | None = None
    lut: tuple[int, int] = (0, 0)


def decode_record(file: bytes, size: int, offset: int) -> Record:
    require(offset + size <= len(file), f"record [{offset}, {offset + size}) lies outside the file")
    src = Source(file[offset : offset + size])
    code, compression, name_size, n_children = struct.unpack("<BBHI", src.take(8))
    require(code < FIRST_ARRAY + len(TYPES), f"data type {code}")
    is_array = code >= FIRST_ARRAY
    if is_array:
        lut_size, lut_offset, n_dims, scale, add_offset = struct.unpack("<QQQff", src.take(32))
        require(lut_offset + lut_size <= len(file), "LUT lies outside the file")
    sizes = [src.number(8) for _ in range(n_children)]
    offsets = [src.number(8) for _ in range(n_children)]
    record = Record(Variable(), list(zip(sizes, offsets, strict=True)))
    if is_array:
        shape = tuple(src.number(8) for _ in range(n_dims))
        chunks = tuple(src.number(8) for _ in range(n_dims))
        dtype = np.dtype(TYPES[code - FIRST_ARRAY])
        record.array = Description(dtype, compression, scale, add_offset, shape, chunks)
        record.lut = lut_size, lut_offset
        require(record.array.n_chunks + 1 <= 32 * lut_size, "the LUT is too small for the number of chunks")
    else:
        require(compression == NO_COMPRESSION, f"compression {compression} of data type {code}")
        record.variable.value = decode_value(src, code)
    record.variable.name = decode_text(src.take(name_size))
    src.finish()
    return record


def decode_value(src: Source, code: int) -> None | str | np.generic:
    if code == GROUP:
        return None
    if code == STRING:
        return decode_text(src.take(src.number(8)))
    dtype = np.dtype(TYPES[code - FIRST_SCALAR])
    return np.frombuffer(src.take(dtype.itemsize), dtype.newbyteorder("<"))[0]


def read_variable(file: bytes, record: Record) -> Variable:
    """The record's variable, with its array decoded."""
    variable, array = record.variable, record.array
    if array:
        size, offset = record.lut
        entries = decode_lut(file[offset : offset + size], array.n_chunks + 1)
        variable.value = decode_chunks(file, entries, array)
        variable.chunks = array.chunks
        variable.compression, variable.scale_factor, variable.add_offset = array.codec
    return variable


def decode_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8: {error}") from None


def read_tree(file: bytes, root: Record) -> Variable:
    """A record may have several parents, but not itself as an ancestor. Each is read once, so the work is bounded."""
    done: dict[tuple[int, int], Variable] = {}
    ancestors: set[tuple[int, int]] = set()

    def read(record: Record) -> Variable:
        variable = read_variable(file, record)
        variable.children = [child(span) for span in record.children]
        return variable

    def child(span: tuple[int, int]) -> Variable:
        require(span not in ancestors, f"the record at {span[1]} is its own ancestor")
        if span not in done:
            ancestors.add(span)
            done[span] = read(decode_record(file, *span))
            ancestors.remove(span)
        return done[span]

    return read(root)


def read_file(file: bytes) -> Variable:
    """Read a whole file of any version: the root variable, with all its children and data."""
    legacy = file[:2] == b"OM" and file[2:3] in (b"\1", b"\2")
    if len(file) >= TRAILER.size and file[-TRAILER.size :][:3] == b"OM\3":
        *_, offset, size = TRAILER.unpack(file[-TRAILER.size :])
        try:
            root = decode_record(file, size, offset)
        except Malformed:
            if not legacy:
                raise
        else:
            return read_tree(file, root)
    if legacy:
        return read_legacy(file)
    require(file[:3] != b"OM\3", "the trailer is missing: unfinished or truncated")
    raise Malformed("not an OM file")


def write_file(
    root: Variable, placement: Literal["tail", "inline"] = "tail", order: list[Variable] | None = None
) -> bytes:
    """Write a tree. A variable with several parents is stored once.

    `order` is the order in which a program made the variables, by default depth first, children before their parent.
    It is the order of arrays and inline records; records at the tail always come depth first.
    """
    out = bytearray(b"OM\3")
    luts: dict[int, tuple[int, int]] = {}
    spans: dict[int, tuple[int, int]] = {}

    def write_data(variable: Variable) -> None:
        entries = [len(out)]
        for chunk in encode_chunks(variable):
            out.extend(chunk)
            entries.append(len(out))
        lut = encode_lut(entries)
        luts[id(variable)] = len(lut), len(out)
        out.extend(lut)

    def write_record(variable: Variable) -> None:
        out.extend(bytes(-len(out) % 8))
        record = encode_record(
            variable, [spans[id(child)] for child in variable.children], luts.get(id(variable), (0, 0))
        )
        spans[id(variable)] = len(record), len(out)
        out.extend(record)

    for variable in order or depth_first(root):
        if isinstance(variable.value, np.ndarray):
            write_data(variable)
        if placement == "inline":
            write_record(variable)
    if placement == "tail":
        for variable in depth_first(root):
            write_record(variable)
    out.extend(bytes(-len(out) % 8))
    size, offset = spans[id(root)]
    return bytes(out) + TRAILER.pack(b"OM\3\0", 0, offset, size)


def depth_first(root: Variable) -> list[Variable]:
    order: dict[int, Variable] = {}

    def visit(variable: Variable) -> None:
        if id(variable) not in order:
            for child in variable.children:
                visit(child)
            order[id(variable)] = variable

    visit(root)
    return list(order.values())


# --- section 8: legacy files ------------------------------------------------------------------------------------------

LEGACY_HEADER = struct.Struct("<2sBBfQQQQ")


def read_legacy(file: bytes) -> Variable:
    """Versions 1 and 2: one unnamed float32 array of two dimensions."""
    require(len(file) >= LEGACY_HEADER.size, "shorter than its header")
    _, version, compression, scale, *sizes = LEGACY_HEADER.unpack_from(file)
    if version == 1:
        compression = 0
    array = Description(np.dtype("float32"), compression, scale, 0.0, tuple(sizes[:2]), tuple(sizes[2:]))
    start = LEGACY_HEADER.size + 8 * array.n_chunks
    require(start <= len(file), "LUT leads out of the file")
    ends = struct.unpack_from(f"<{array.n_chunks}q", file, LEGACY_HEADER.size)
    entries = [start, *(start + end for end in ends)]
    return Variable("", decode_chunks(file, entries, array), [], array.chunks, *array.codec)


def write_legacy(variable: Variable, version: Literal[1, 2] = 2) -> bytes:
    chunks = encode_chunks(variable)
    ends = list(itertools.accumulate(map(len, chunks)))
    code = COMPRESSIONS.index(variable.compression)
    header = LEGACY_HEADER.pack(b"OM", version, code, variable.scale_factor, *variable.value.shape, *variable.chunks)
    return header + struct.pack(f"<{len(ends)}q", *ends) + b"".join(chunks)
