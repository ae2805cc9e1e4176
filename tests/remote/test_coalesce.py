# SPDX-License-Identifier: MIT
"""Which requests are sent for which ranges."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from omfiles._stores.coalesce import coalesce_ranges
from omfiles.io import FetchOptions

LAST = 2**64 - 1
ranges = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 40)), max_size=60).map(
    lambda pairs: [(start, start + size) for start, size in pairs]
)


def split(wanted):
    return [start for start, _ in wanted], [stop for _, stop in wanted]


@given(ranges, st.integers(0, 50), st.integers(1, 200))
@example(wanted=[(0, 1), (0, 2), (0, 1)], max_gap=0, max_size=1)
def test_promises(wanted, max_gap, max_size):
    requests = coalesce_ranges(*split(wanted), FetchOptions(max_gap=max_gap, max_size=max_size))
    sent = requests.ranges()
    # Each range is covered by the one request that it is a member of.
    members = [requests.members(i).tolist() for i in range(len(requests))]
    assert sorted(itertools.chain(*members)) == list(range(len(wanted)))
    for (start, stop), inside in zip(sent, members, strict=True):
        assert inside
        assert min(wanted[i][0] for i in inside) == start
        assert max(wanted[i][1] for i in inside) == stop
        # Larger than allowed only because of a single range.
        assert stop - start <= max_size or any(wanted[i] == (start, stop) for i in inside)
        # No gap within is too wide.
        covered = start
        for first, last in sorted(wanted[i] for i in inside):
            assert first <= covered + max_gap
            covered = max(covered, last)
    # Neighbours are apart because the gap is too wide, or because together they are too large.
    assert [start for start, _ in sent] == sorted(start for start, _ in sent)
    for i in range(len(sent) - 1):
        next_wanted = min(wanted[k] for k in members[i + 1])
        joined = max(sent[i][1], next_wanted[1]) - sent[i][0]
        assert next_wanted[0] > sent[i][1] + max_gap or joined > max_size


@given(ranges)
def test_disjoint_ranges_are_fetched_once(wanted):
    disjoint = [(100 * i, 100 * i + 1 + (stop - start)) for i, (start, stop) in enumerate(wanted)]
    requests = coalesce_ranges(*split(disjoint + disjoint), FetchOptions(max_gap=0))
    assert requests.ranges() == disjoint


@given(ranges, st.randoms())
def test_order_does_not_matter(wanted, random):
    wanted = list(dict(wanted).items())  # no two begin at the same byte
    shuffled = random.sample(wanted, len(wanted))
    options = FetchOptions(max_gap=10, max_size=60)
    assert coalesce_ranges(*split(wanted), options).ranges() == coalesce_ranges(*split(shuffled), options).ranges()


def test_budgets_of_a_map():
    starts = 1000 + 810 * np.arange(10_000, dtype=np.uint64)
    stops = starts + np.uint64(810)
    requests = coalesce_ranges(starts, stops, FetchOptions())
    assert len(requests) == 2
    points = np.random.default_rng(1).choice(10_000, 100)
    assert len(coalesce_ranges(starts[points], stops[points], FetchOptions())) <= 10
    assert len(coalesce_ranges(starts[points], stops[points], FetchOptions(max_gap=0))) <= FetchOptions().concurrency


def test_far_offsets():
    starts, stops = [LAST - 20, 0, LAST - 10], [LAST - 15, 5, LAST]
    assert coalesce_ranges(starts, stops, FetchOptions()).ranges() == [(0, 5), (LAST - 20, LAST)]
    assert len(coalesce_ranges(starts, stops, FetchOptions(max_gap=LAST, max_size=LAST))) == 1
    assert len(coalesce_ranges(starts, stops, FetchOptions(max_gap=2**70, max_size=2**70))) == 1
    assert len(coalesce_ranges(starts, stops, FetchOptions(max_size=1))) == 3


def test_nothing():
    requests = coalesce_ranges([], [], FetchOptions())
    assert len(requests) == 0
    assert requests.ranges() == []
    assert requests.concurrency(FetchOptions()) == 1


def test_refusals():
    with pytest.raises(ValueError, match=r"range 1 is 5 \.\.\. 5"):
        coalesce_ranges([0, 5], [1, 5], FetchOptions())
    with pytest.raises(ValueError, match="as many"):
        coalesce_ranges([0, 5], [1], FetchOptions())
    with pytest.raises(ValueError, match="max_size must be at least 1, not 0"):
        FetchOptions(max_size=0)
    with pytest.raises(TypeError, match=r"concurrency must be an int, not 1\.5"):
        FetchOptions(concurrency=1.5)


def test_bytes_in_flight_are_bounded():
    options = FetchOptions(concurrency=64, max_in_flight=1000, max_gap=0)
    assert coalesce_ranges([0], [100], options).concurrency(options) == 10
    assert coalesce_ranges([0], [5000], options).concurrency(options) == 1
    assert coalesce_ranges([0], [1], options).concurrency(options) == 64


@pytest.mark.timing
def test_a_million_ranges_are_quick():
    starts = 810 * np.arange(1_000_000, dtype=np.uint64)
    began = time.process_time()
    coalesce_ranges(starts, starts + np.uint64(810), FetchOptions())
    assert time.process_time() - began < 2  # some 0.1 s on an idle machine
