# SPDX-License-Identifier: MIT
"""Streams: the C core against the reference implementation, at every SIMD level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from omfiles import OmFormatError
from omfiles._native import codec
from omfiles.testing import reference
from omfiles.testing.reference import Kind, Malformed
from omfiles.testing.strategies import SEEDS, STREAMS, Stream, damaged, streams, values

Outcome = list[int] | None


def by_reference(data: bytes, n: int, kind: Kind, width: int) -> Outcome:
    """The values, or None if the stream is refused."""
    try:
        return reference.decode_stream(data, n, kind, width)
    except Malformed:
        return None


def by_core(data: bytes, n: int, kind: Kind, width: int) -> Outcome:
    try:
        return codec.decode_stream(data, n, kind, width).tolist()
    except OmFormatError:
        return None


@given(streams())
def test_valid_streams(simd: str, stream: Stream) -> None:
    expected = reference.decode_stream(stream.data, stream.n, stream.kind, stream.width)
    assert codec.decode_stream(stream.data, stream.n, stream.kind, stream.width).tolist() == expected


@given(streams().flatmap(lambda stream: st.tuples(st.just(stream), damaged(stream.data))))
@pytest.mark.guarantee(n=2)
@pytest.mark.guarantee(n=3)
def test_damaged_streams(simd: str, case: tuple[Stream, bytes]) -> None:
    stream, data = case
    rest = stream.n, stream.kind, stream.width
    assert by_core(data, *rest) == by_reference(data, *rest)


@given(st.binary(max_size=300), st.integers(1, 600), st.sampled_from(STREAMS))
# PATCH with 64 low bits: section 7 lets any number of extra bits pass, but an exception must still fit.
@example(b"\x00\xbf\x01\x01\x00" + bytes(8), 2, ("delta", 64))
@example(b"\x00\xbf\x01\x01\x01" + bytes(8), 2, ("delta", 64))
@example(b"\x00\xbf\x01\x00" + bytes(8), 2, ("delta", 64))
@example(b"\x00\xbf\xff\x01" + bytes(32) + bytes(8), 2, ("delta", 64))
@example(b"\x00\x7f\x01" + bytes(8) + b"\x00\x00", 2, ("delta", 64))
@example(b"\x00\x7f\x01" + bytes(8) + b"\x01\x00", 2, ("delta", 64))
# An exception without high bits; one at a place that does not exist; one twice.
@example(b"\x00\x41\x01\x01\x00\x00", 2, ("delta", 32))
@example(b"\x00\x41\x01\x01\x00\x01", 2, ("delta", 32))
@example(b"\x00\x41\x02\x03\x00\x00\x00\x00", 3, ("delta", 32))
# First values in forms longer than necessary, and of more than w bits.
@example(b"\xf0\x01\x00\x00\x00", 1, ("delta", 16))
@example(b"\xf0\x00\x00\x01\x00", 1, ("delta", 16))
@example(b"\xf1\x00\x00\x00\x00", 1, ("delta", 32))
@example(b"\xf8\x00\x00\x00\x00\x00", 1, ("delta", 32))
@example(b"\xff" + bytes(8), 1, ("zigzag", 64))
# More leading zeros than bits.
@example(b"\xff\xc8\xff", 5, ("xor", 32))
@example(b"\xc0\x00", 128, ("xor", 64))
@pytest.mark.guarantee(n=2)
@pytest.mark.guarantee(n=3)
def test_arbitrary_bytes(simd: str, data: bytes, n: int, kind: tuple[Kind, int]) -> None:
    assert by_core(data, n, *kind) == by_reference(data, n, *kind)


@given(st.sampled_from(STREAMS), st.integers(1, 600), st.data())
def test_encoder(simd: str, kind: tuple[Kind, int], n: int, data: st.DataObject) -> None:
    words = data.draw(values(np.dtype(f"u{kind[1] // 8}"), (n,)))
    encoded = codec.encode_stream(words, *kind)
    assert encoded.hex() == reference.encode_stream(words.tolist(), *kind).hex()
    assert codec.decode_stream(encoded, n, *kind).tolist() == words.tolist()


@given(st.sampled_from(STREAMS), st.integers(1, 600), SEEDS)
def test_encoder_on_blocks_of_every_layout(simd: str, kind: tuple[Kind, int], n: int, seed: int) -> None:
    """Differences with few large ones among small ones, where the choice between layouts is close."""
    rng = np.random.default_rng(seed)
    width = kind[1]
    is_large = rng.random(n) < rng.random() ** 3
    lengths = np.where(is_large, rng.integers(0, width + 1, n), rng.integers(0, width // 2 + 1))
    differences = [int.from_bytes(rng.bytes(8), "little") % (1 << int(length)) for length in lengths]
    if kind[0] == "xor":
        words = np.bitwise_xor.accumulate(np.array(differences, f"u{width // 8}"))
    else:
        words = np.add.accumulate(np.array(differences, f"u{width // 8}"), dtype=f"u{width // 8}")
    assert codec.encode_stream(words, *kind).hex() == reference.encode_stream(words.tolist(), *kind).hex()
