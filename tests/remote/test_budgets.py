# SPDX-License-Identifier: MIT
"""What jobs cost in requests and round trips. The check of the version is a request beside the others."""

from __future__ import annotations

import asyncio
import io
import time
from typing import Any

import numpy as np
import pytest
from stores import AsyncCountingFS, Request, StoredFile, content_of

import omfiles
from omfiles import OmFileReaderAsync, OmFileWriter
from omfiles.io import FetchOptions

DELAY = 0.05
ATTRS = {"units": "K", "long_name": "air temperature", "standard_name": "air_temperature", "height": 2.0}
POINT_SHAPE, POINT_CHUNKS = (40, 40, 40), (4, 4, 40)


def values(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Noise, which takes 14 bits a value."""
    return np.random.default_rng(seed).integers(0, 1 << 13, shape, np.int16)


def sixty_variables(writer: OmFileWriter) -> Any:
    arrays = [
        writer.write_array(values(POINT_SHAPE, i), POINT_CHUNKS, name=f"variable_{i}", attrs=ATTRS) for i in range(60)
    ]
    return writer.write_group("root", arrays)


@pytest.fixture(scope="module")
def tail_file() -> bytes:
    return content_of(sixty_variables)


@pytest.fixture(scope="module")
def inline_file() -> bytes:
    return content_of(sixty_variables, "inline")


class Job(StoredFile):
    """Does things with a file in a store, and counts."""

    @property
    def open_trips(self) -> int:
        return 1 if isinstance(self.fs, AsyncCountingFS) else 2

    def open(self, **options: int) -> None:
        super().open(FetchOptions(**options))

    @property
    def n_data(self) -> int:
        return len(self.traffic.data_requests)

    @property
    def n_checks(self) -> int:
        return len(self.traffic.requests) - self.n_data

    @property
    def trips(self) -> int:
        return self.traffic.round_trips

    def start(self, delay: float = DELAY) -> None:
        self.traffic.reset()
        self.traffic.delay, self.traffic.in_rounds = delay, True


with_vindex = pytest.mark.parametrize("kind", ["async", "sync", "plain"], indirect=True)


@pytest.fixture(params=Job.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def job_of(kind: str):
    jobs = []

    def make(content: bytes) -> Job:
        jobs.append(Job(kind, content))
        jobs[-1].start()
        return jobs[-1]

    yield make
    for job in jobs:
        job.close()


# --- the table: metadata at the tail ----------------------------------------------------------------------------------


def test_open(job_of, tail_file: bytes) -> None:
    job = job_of(tail_file)
    job.open()
    assert (job.n_data, job.n_checks) == (1, 1)
    assert job.trips == job.open_trips
    assert job.reader.num_children == 60


def test_open_and_list(job_of, tail_file: bytes) -> None:
    job = job_of(tail_file)
    job.open()
    if job.native:
        listed = job.runner.run(list_async(job.reader))
    else:
        listed = {name: dict(child.attrs) for name, child in job.reader.items()}
        assert len(list(job.reader.walk())) == 61
        assert len(job.reader._get_flat_variable_metadata()) == 301
        assert len(job.reader.tree().splitlines()) == 61
        repr(job.reader), job.reader._repr_html_()
    assert listed == {f"variable_{i}": ATTRS for i in range(60)}
    assert len(job.traffic.requests) == 2
    assert job.trips == job.open_trips


def test_attributes_and_selections_of_asyncio(tail_file: bytes, inline_file: bytes) -> None:
    """They take as many round trips as those of the synchronous reader."""
    for content, n_trips in [(tail_file, 0), (inline_file, 2)]:
        job = Job("async-native", content)
        job.open()
        job.start()
        assert len(job.do(walked(job.reader))) == 61
        children = job.do(job.reader.children())
        assert {child.name: dict(job.do(child.attrs())) for child in children}["variable_9"] == ATTRS
        assert job.trips <= n_trips
        array = job.child("variable_41")
        job.start()
        points = tuple(np.random.default_rng(1).integers(0, 40, (3, 100)))
        np.testing.assert_array_equal(job.do(array.vindex[points]), values(POINT_SHAPE, 41)[points])
        assert job.trips <= 2
        job.start()
        np.testing.assert_array_equal(job.do(array.oindex[[3, 30], :, [7]]), values(POINT_SHAPE, 41)[[3, 30]][..., [7]])
        assert job.trips <= 2
        job.close()


async def walked(reader: OmFileReaderAsync) -> list[str]:
    return [path async for path, _ in reader.walk()]


async def list_async(reader: OmFileReaderAsync) -> dict[str, dict[str, Any]]:
    listed = {}
    for name in await reader.keys():
        child = await reader.get_child_by_name(name)
        listed[name] = {key: (await child.get_child_by_name(key)).read_scalar() for key in await child.keys()}
    return listed


def test_find_one_of_sixty_and_read_points(job_of, tail_file: bytes) -> None:
    job = job_of(tail_file)
    job.open()
    array = job.child("variable_41")
    assert job.do(array.read_array((17, 23, 9))) == values(POINT_SHAPE, 41)[17, 23, 9]
    assert job.trips <= job.open_trips + 2
    assert job.n_data <= 3
    job.start()
    assert job.do(array.read_array((3, 3, 9))) == values(POINT_SHAPE, 41)[3, 3, 9]
    assert (job.n_data, job.trips) == (1, 1)
    assert job.n_checks == (0 if job.kind == "plain" else 1)


@pytest.mark.slow
@with_vindex
def test_100_points_in_one_vindex_call(kind: str, job_of) -> None:
    array = values((500, 500, 40))
    job = job_of(content_of(lambda writer: writer.write_array(array, (5, 5, 40), name="a")))
    job.open()
    job.start()
    places = tuple(np.random.default_rng(1).integers(0, n, 100) for n in array.shape)
    np.testing.assert_array_equal(job.reader.vindex[places], array[places])
    assert job.trips <= 2
    # Even if no neighbours are fetched along.
    job.open(max_gap=0)
    job.start()
    np.testing.assert_array_equal(job.reader.vindex[places], array[places])
    assert job.n_data > 50
    if kind.startswith("async"):
        assert job.trips <= 2


def test_a_whole_variable_of_2_mb(job_of) -> None:
    array = values((34, 180, 180))
    content = content_of(lambda writer: writer.write_array(array, (1, 180, 180), name="a"))
    assert 1.8e6 < len(content) < 2.2e6
    job = job_of(content)
    job.open()
    job.start()
    np.testing.assert_array_equal(job.read(...), array)
    assert job.trips <= 2
    assert job.n_data <= 3


@pytest.mark.slow
def test_a_map_over_10000_chunks(job_of) -> None:
    array = values((400, 400, 29))
    content = content_of(lambda writer: writer.write_array(array, (4, 4, 29), name="a"))
    assert 750 < len(content) / 10_000 < 900
    job = job_of(content)
    job.open()
    job.start()
    np.testing.assert_array_equal(job.read((..., 7)), array[..., 7])
    assert len(job.traffic.requests) <= 20
    assert job.trips <= 3


# --- more than the table ----------------------------------------------------------------------------------------------


def test_scattered_metadata(job_of, inline_file: bytes) -> None:
    """Records lie between the data of 6 MB."""
    assert len(inline_file) > 5e6
    job = job_of(inline_file)
    job.open()
    if job.native:
        names = job.do(job.reader.keys())
    else:
        names = list(job.reader.keys())
    assert names == [f"variable_{i}" for i in range(60)]
    assert job.trips <= job.open_trips + 1  # all children at once
    if not job.native:
        assert {name: dict(child.attrs) for name, child in job.reader.items()}["variable_9"] == ATTRS
        assert job.trips <= job.open_trips + 2  # all attributes at once
    array = job.child("variable_41")
    job.start()
    assert job.do(array.read_array((17, 23, 9))) == values(POINT_SHAPE, 41)[17, 23, 9]
    assert job.trips <= 2


def test_a_long_tail(job_of, tail_file: bytes) -> None:
    """Records that a small tail misses are fetched together."""
    job = job_of(tail_file)
    job.open(tail=64)
    assert job.trips <= job.open_trips + 1
    job.start()
    job.child("variable_3")
    assert job.trips == 1
    assert job.n_data == 1


def test_nothing_is_fetched_for_nothing(job_of, tail_file: bytes) -> None:
    job = job_of(tail_file)
    job.open()
    array = job.child("variable_0")
    job.start()
    assert job.do(array.read_array(np.s_[3:3])).shape == (0, 40, 40)
    assert job.traffic.requests == []


@with_vindex
def test_duplicates_are_fetched_once(job_of, tail_file: bytes) -> None:
    job = job_of(tail_file)
    job.open()
    array = job.child("variable_0")
    job.start()
    array.vindex[np.zeros(1000, int), np.zeros(1000, int), np.arange(1000) % 40]
    assert job.n_data <= 2
    assert job.trips <= 2


def test_several_reads_overlap(tail_file: bytes) -> None:
    """Reads of one asynchronous reader share round trips."""
    job = Job("async-native", tail_file)
    job.open()
    job.start()

    async def points() -> list[Any]:
        arrays = await asyncio.gather(*[job.reader.get_child_by_name(f"variable_{i}") for i in range(30)])
        return await asyncio.gather(*[array.read_array((17, 23, 9)) for array in arrays])

    found = job.runner.run(points())
    assert found == [values(POINT_SHAPE, i)[17, 23, 9] for i in range(30)]
    assert job.trips <= 3
    job.close()


def test_memory_and_requests_of_a_large_read_are_bounded() -> None:
    """No more is under way than the options say."""
    array = values((200, 100, 100))
    content = content_of(lambda writer: writer.write_array(array, (1, 100, 100), name="a"))
    job = Job("async", content)
    job.open(max_size=1 << 16, max_gap=0, concurrency=32, max_in_flight=1 << 19)
    job.start(0.002)
    under_way: list[int] = []
    job.traffic.delay = lambda request: under_way.append(flying(job.traffic.requests)) or 0.002
    np.testing.assert_array_equal(job.reader[...], array)
    assert 1 << 17 < max(under_way) <= 1 << 19
    job.close()


def flying(requests: list[Request]) -> int:
    return sum(
        request.stop - request.start
        for request in list(requests)
        if request.method == "cat_file" and request.ended in (0.0, float("inf"))
    )


def test_decoding_begins_with_the_first_reply() -> None:
    """While one reply is late, the others are decoded already."""
    array = values((8, 300, 300)) + 1
    job = Job("sync", content_of(lambda writer: writer.write_array(array, (1, 300, 300), name="a")))
    job.open(max_size=1, max_gap=0)
    job.reader[0, 0, 0]
    late = job.traffic.data_requests[-1].start
    out = np.zeros_like(array)
    decoded: list[int] = []

    def hold(number: int, request: Request, data: bytes) -> bytes:
        if request.start == late:
            for _ in range(500):
                decoded.append(sum(bool(plane.all()) for plane in out))
                if decoded[-1] == 7:
                    break
                time.sleep(0.01)
        return data

    job.traffic.reset()
    job.traffic.fault = hold
    job.reader.read_array(..., out=out)
    np.testing.assert_array_equal(out, array)
    assert decoded[-1] == 7
    job.close()


def test_open_of_omfiles_takes_options(tail_file: bytes) -> None:
    job = Job("sync", tail_file)
    with omfiles.open((job.fs, "file"), fetch=FetchOptions(tail=100)):
        pass
    request = job.traffic.data_requests[0]
    assert request.stop - request.start == 100
    job.close()


@pytest.mark.parametrize("source", ["memory://file", b"content", "path", io.BytesIO()])
def test_wrong_options(source: Any) -> None:
    with pytest.raises(TypeError, match=r"fetch must be an omfiles\.io\.FetchOptions, not 3"):
        omfiles.open(source, fetch=3)
    with pytest.raises(TypeError, match=r"fetch must be an omfiles\.io\.FetchOptions, not 3"):
        asyncio.run(OmFileReaderAsync.open(source, fetch=3))
