# SPDX-License-Identifier: MIT
"""Hypothesis strategies for .om data; `omfiles.testing` lists them.

Arrays and streams are grown from a drawn seed and a drawn recipe instead of element by element: that is a hundred
times faster, and what a failing test prints is short.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from omfiles.testing import reference
from omfiles.testing.reference import CONST, PATCH, PLAIN, TYPES, VBYTE, Kind, Variable, ceil8

SEEDS = st.integers(0, 2**32 - 1)
STREAMS: tuple[tuple[Kind, int], ...] = (
    *(("delta", width) for width in (8, 16, 32, 64)),
    *(("zigzag", width) for width in (8, 16, 32, 64)),
    *(("xor", width) for width in (32, 64)),
)
CODECS: tuple[tuple[np.dtype, str], ...] = (
    *((np.dtype(name), "pfor_delta_2d") for name in TYPES),
    (np.dtype("float32"), "fpx_xor_2d"),
    (np.dtype("float64"), "fpx_xor_2d"),
    (np.dtype("float32"), "pfor_delta_2d_int16"),
    (np.dtype("float32"), "pfor_delta_2d_int16_logarithmic"),
)


def dtypes() -> st.SearchStrategy[np.dtype]:
    return st.sampled_from([np.dtype(name) for name in TYPES])


def codecs() -> st.SearchStrategy[tuple[np.dtype, str]]:
    """Legal pairs of dtype and compression."""
    return st.sampled_from(CODECS)


def shapes(max_dims: int = 4, max_elements: int = 3000) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes that often are smaller, equal or a little larger than a block of 128."""

    @st.composite
    def draw_shape(draw: st.DrawFn) -> tuple[int, ...]:
        left = max_elements
        shape = []
        for _ in range(draw(st.integers(1, max_dims))):
            small = st.integers(1, min(left, 9))
            shape.append(draw(small | st.integers(1, left) | st.sampled_from([min(left, n) for n in (127, 128, 129)])))
            left //= shape[-1]
        return tuple(draw(st.permutations(shape)))

    return draw_shape()


def chunk_shapes(shape: tuple[int, ...], max_chunks: int = 200) -> st.SearchStrategy[tuple[int, ...]]:
    """Chunk lengths from 1 to the dimension's, in a grid of at most `max_chunks` cells."""

    @st.composite
    def draw_chunks(draw: st.DrawFn) -> tuple[int, ...]:
        left = max_chunks
        chunks = []
        for dim in shape:
            chunks.append(draw(st.integers(math.ceil(dim / min(dim, left)), dim)))
            left = max(1, left // math.ceil(dim / chunks[-1]))
        return tuple(chunks)

    return draw_chunks()


# --- values -----------------------------------------------------------------------------------------------------------
# A recipe makes n float64 in [-1, 1]; they are then stretched over a part of the type's range.

Recipe = Callable[[np.random.Generator, int], np.ndarray]
RECIPES: dict[str, Recipe] = {
    "zero": lambda rng, n: np.zeros(n),
    "constant": lambda rng, n: np.full(n, rng.uniform(-1, 1)),
    "ramp": lambda rng, n: np.linspace(rng.uniform(-1, 1), rng.uniform(-1, 1), n),
    "smooth": lambda rng, n: np.sin(np.linspace(0, rng.uniform(1, 50), n) + rng.uniform(0, 6)),
    "walk": lambda rng, n: np.clip(np.cumsum(rng.normal(0, 0.01, n)), -1, 1),
    "noise": lambda rng, n: rng.uniform(-1, 1, n),
    "spikes": lambda rng, n: np.where(rng.random(n) < 0.03, rng.uniform(-1, 1, n), rng.uniform(-0.01, 0.01, n)),
    "extremes": lambda rng, n: rng.choice([-1.0, 0.0, 1.0], n),
    "powers": lambda rng, n: rng.choice([-1, 1], n) * 2.0 ** -rng.integers(0, 64, n),
}


def values(dtype: np.dtype, shape: tuple[int, ...], reach: float = math.inf) -> st.SearchStrategy[np.ndarray]:
    """Arrays of elements from ``-reach`` to ``reach``. Floats may contain NaN, and infinities if these are allowed."""
    dtype = np.dtype(dtype)

    def grow(recipe: str, seed: int, span: float, nan_share: float) -> np.ndarray:
        rng = np.random.default_rng(seed)
        unit = RECIPES[recipe](rng, math.prod(shape))
        if dtype.kind in "iu":
            return stretch_integers(unit, dtype, span).reshape(shape)
        limit = min(reach, 1e30)
        out = (unit * limit**span).astype(dtype)
        out[rng.random(out.size) < nan_share] = np.nan
        if math.isinf(reach):
            odd = np.array([np.inf, -np.inf, -0.0, np.finfo(dtype).max, np.finfo(dtype).tiny], dtype)
            where = rng.random(out.size) < nan_share / 2
            out[where] = rng.choice(odd, where.sum())
        return out.reshape(shape)

    return st.builds(
        grow,
        st.sampled_from(sorted(RECIPES)),
        SEEDS,
        st.floats(0, 1, width=16),
        st.sampled_from([0, 0, 0.05, 0.5, 1]),
    )


def stretch_integers(unit: np.ndarray, dtype: np.dtype, span: float) -> np.ndarray:
    """[-1, 1] to the type's range, or to a part of it around its middle; both ends are reached exactly."""
    info = np.iinfo(dtype)
    if span == 1:
        ends = np.array([info.min, (info.min + info.max + 1) // 2, info.max], dtype)
        if np.isin(unit, (-1.0, 0.0, 1.0)).all():
            return ends[(unit + 1).astype(int)]
    half = 2.0 ** (info.bits * span - 1)
    middle = 0 if dtype.kind == "i" else 2 ** (info.bits - 1)
    scaled = np.clip(unit * half, -(2.0 ** (info.bits - 1)), 2.0 ** (info.bits - 1) * (1 - 2**-52)).astype(np.int64)
    return (scaled.astype(np.uint64) + np.uint64(middle)).astype(dtype)


@st.composite
def variables(draw: st.DrawFn, max_elements: int = 3000) -> Variable:
    """An array variable: any codec, shape and chunks, and values that the codec can hold."""
    dtype, compression = draw(codecs())
    shape = draw(shapes(max_elements=max_elements))
    chunks = draw(chunk_shapes(shape))
    quantised = dtype.kind == "f" and compression != "fpx_xor_2d"
    scale = draw(st.sampled_from([1.0, 20.0, 0.5, 100.0, -10.0])) if quantised else 1.0
    offset = draw(st.sampled_from([0.0, 5.0, -273.15])) if quantised else 0.0
    if compression == "pfor_delta_2d_int16_logarithmic":
        # Whole numbers after scaling: log10 differs between C libraries, but by less than half a step.
        scale = draw(st.sampled_from([10.0, 20.0, 1000.0]))
        array = 10 ** np.round(draw(values(dtype, shape, 30)), 1) - np.float32(1)
    elif quantised:
        bits = 15 if compression == "pfor_delta_2d_int16" else dtype.itemsize * 8 - 1
        array = draw(values(dtype, shape, 2.0**bits * 0.98 / abs(scale) - 300))
    else:
        array = draw(values(dtype, shape))
    return Variable("data", array, [], chunks, compression, scale, offset)


@st.composite
def trees(draw: st.DrawFn) -> Variable:
    """A small hierarchy of everything that a file can hold."""
    names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    numbers = dtypes().flatmap(lambda dtype: values(dtype, (1,))).map(lambda array: array[0])
    leaves = st.builds(Variable, names, st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | numbers)

    def parents(children: st.SearchStrategy[Variable]) -> st.SearchStrategy[Variable]:
        below = st.lists(children, max_size=4)
        return st.builds(adopt, leaves | st.builds(Variable, names) | variables(max_elements=100), names, below)

    def adopt(parent: Variable, name: str, children: list[Variable]) -> Variable:
        parent.name, parent.children = name, children
        return parent

    return draw(st.recursive(leaves, parents, max_leaves=12))


# --- selections -------------------------------------------------------------------------------------------------------


def selections(shape: tuple[int, ...]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Tuples of ints, slices with any step, and at most one ellipsis."""

    @st.composite
    def draw_selection(draw: st.DrawFn) -> tuple[Any, ...]:
        n_items = draw(st.integers(0, len(shape)))
        ellipsis_at = draw(st.none() | st.integers(0, n_items))
        items: list[Any] = []
        for i in range(n_items):
            from_end = ellipsis_at is not None and i >= ellipsis_at
            dim = shape[i - n_items] if from_end else shape[i]
            items.append(draw(st.integers(-dim, dim - 1) | slices(dim)))
        if ellipsis_at is not None:
            items.insert(ellipsis_at, ...)
        return tuple(items)

    return draw_selection()


def slices(dim: int) -> st.SearchStrategy[slice]:
    bounds = st.none() | st.integers(-dim - 3, dim + 3)
    steps = st.none() | st.integers(-dim - 1, dim + 1).filter(bool)
    return st.builds(slice, bounds, bounds, steps)


# --- streams ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stream:
    """An encoded stream, and what is needed to decode it."""

    kind: Kind
    width: int
    n: int
    data: bytes


def streams(max_values: int = 600) -> st.SearchStrategy[Stream]:
    """Streams with random layouts, as no writer would choose them, and with rubbish in their padding."""
    lengths = st.sampled_from([1, 2, 128, 129, 130, 256, 257]) | st.integers(1, max_values)
    return st.builds(grow_stream, st.sampled_from(STREAMS), lengths, SEEDS)


def grow_stream(kind_width: tuple[Kind, int], n: int, seed: int) -> Stream:
    kind, width = kind_width
    rng = random.Random(seed)
    if kind == "xor":
        parts = []
    else:
        parts = [reference.encode_first(rng.getrandbits(rng.randint(0, width)), width)]
    for size in reference.block_sizes(n if kind == "xor" else n - 1):
        if kind == "xor":
            parts.append(bytes([rng.choice([0, rng.randint(0, width), rng.randint(0, 255)])]))
        parts.append(grow_block(rng, size, width))
    return Stream(kind, width, n, b"".join(parts))


def grow_block(rng: random.Random, n: int, width: int) -> bytes:
    """One valid block of any kind: random bytes wherever any byte is valid."""
    layout = rng.choice([PLAIN, CONST, PATCH] if width == 8 else [PLAIN, CONST, PATCH, VBYTE])
    bits = rng.randint(0, width)
    if width == 64 and bits >= 63:
        bits = 64
    header = bytes([layout << 6 | min(bits, 63)])
    low = rng.randbytes(ceil8(n * bits))
    if layout == PLAIN:
        return header + low
    if layout == CONST:
        return header + rng.randbytes(ceil8(bits))
    density = rng.choice([0, 0.02, 0.3, 1])
    positions = [i for i in range(n) if rng.random() < density]
    extra = rng.randint(0, width - bits)
    if layout == PATCH:
        bitmap = sum(1 << i for i in positions) | rng.getrandbits(8) << n
        bitmap &= (1 << 8 * ceil8(n)) - 1
        highs = rng.randbytes(ceil8(len(positions) * extra))
        return header + bytes([extra]) + bitmap.to_bytes(ceil8(n), "little") + highs + low
    numbers = [rng.getrandbits(rng.randint(0, extra)) for _ in positions]
    return header + bytes([len(positions)]) + low + grow_numbers(rng, numbers, width) + bytes(positions)


def grow_numbers(rng: random.Random, numbers: list[int], width: int) -> bytes:
    """Exceptions of a VBYTE block in any of their forms, shortest or not."""
    if numbers and rng.random() < 0.3:
        return b"\xff" + b"".join(y.to_bytes(width // 8, "little") for y in numbers)
    coded = []
    for y in numbers:
        k = rng.randint(max(3, ceil8(y.bit_length())), 8)
        coded.append(rng.choice([reference.encode_vbyte(y), bytes([249 + k - 3]) + y.to_bytes(k, "little")]))
    return b"".join(coded)


def damaged(data: bytes, max_changes: int = 3) -> st.SearchStrategy[bytes]:
    """The data with some bytes changed, cut off, inserted or appended."""

    def damage(seed: int, n_changes: int) -> bytes:
        rng = random.Random(seed)
        out = bytearray(data)
        for _ in range(n_changes):
            at = rng.choice([rng.randrange(len(out) + 1), rng.randrange(min(len(out), 12) + 1)])
            match rng.randrange(6):
                case 0:
                    del out[at:]
                case 1:
                    out[at:at] = rng.randbytes(rng.randint(1, 3))
                case 2:
                    del out[at : at + 1]
                case 3:
                    out[at : at + 1] = rng.choice([b"\0", b"\x7f", b"\x80", b"\xff"])
                case 4:
                    out[at : at + 8] = rng.choice([2**28, 2**32 - 1, 2**60, 2**64 - 1]).to_bytes(8, "little")
                case _:
                    out[at : at + 1] = bytes([(out[at] if at < len(out) else 0) ^ 1 << rng.randrange(8)])
        return bytes(out)

    return st.builds(damage, SEEDS, st.integers(1, max_changes))
