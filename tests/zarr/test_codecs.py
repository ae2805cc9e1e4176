# SPDX-License-Identifier: MIT
"""The codecs for zarr and numcodecs: bytes, round trips, damage, metadata, and exchange with omfiles 1.2.0."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

numcodecs = pytest.importorskip("numcodecs")
pytest.importorskip("zarr", minversion="3.1.3")

import zarr.abc.codec  # noqa: E402
from zarr.buffer.cpu import Buffer  # noqa: E402
from zarr.codecs import GzipCodec  # noqa: E402

from omfiles._numcodecs import TurboPfor  # noqa: E402
from omfiles._zarr3 import SIZED, PforCodec, PforSerializer  # noqa: E402
from omfiles.errors import OmFormatError  # noqa: E402
from omfiles.testing import strategies  # noqa: E402
from omfiles.testing.compare import differs_only_in_padding  # noqa: E402

HERE = Path(__file__).parent
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
RAMP = np.arange(10)

# zarr says that a codec beside sharding slows it down, which is no news here.
pytestmark = pytest.mark.filterwarnings("ignore:Combining a `sharding_indexed` codec")


# --- numcodecs --------------------------------------------------------------------------------------------------------


# What omfiles 1.2.0 makes of WAVE.
WAVE = np.arange(12) ** 3 % 101
GOLDEN = {
    "int8": "0008020e264a4f1334411e8a91",
    "int16": "0008020e264a4f1334411e8a91",
    "int32": "0008020e264a4f1334411e8a91",
    "int64": "0008020e264a4f1334411e8a91",
    "uint8": "000801071325d8f61adf0f45b7",
    "uint16": "008808b004ffffffff01071325d8f61adf0f45b7",
    "uint32": "008818b004ffffffffffffffffffffffff01071325d8f61adf0f45b7",
    "uint64": "008838b004ffffffffffffffffffffffffffffffffffffffffffffffffffffffff01071325d8f61adf0f45b7",
}


@pytest.mark.parametrize("dtype", INTEGERS)
def test_ramp(dtype):
    """Differences of one, zigzag if signed."""
    data = TurboPfor(dtype).encode(RAMP.astype(dtype))
    assert data.hex() == ("00c202" if dtype.startswith("int") else "00c101")


@pytest.mark.parametrize("dtype", INTEGERS)
def test_peer_bytes(dtype):
    data, array = bytes.fromhex(GOLDEN[dtype]), WAVE.astype(dtype)
    np.testing.assert_array_equal(TurboPfor(dtype, 12).decode(data), array)
    assert differs_only_in_padding(TurboPfor(dtype).encode(array), data)


@given(st.sampled_from(INTEGERS).flatmap(lambda t: strategies.shapes().flatmap(lambda s: strategies.values(t, s))))
def test_numcodecs_round_trip(array):
    codec = TurboPfor(array.dtype.name, array.size)
    for turned in (array, array.T):
        data = codec.encode(turned)
        assert data == codec.encode(array)  # elements are taken as they lie in memory
        for form in (bytes, bytearray, memoryview, np.frombuffer):
            found = codec.decode(np.frombuffer(data, "u1") if form is np.frombuffer else form(data))
            assert found.dtype == array.dtype
            np.testing.assert_array_equal(found, array.ravel())
    with pytest.raises(OmFormatError):
        codec.decode(data + b"\0")
    if len(data) > 1:
        with pytest.raises(OmFormatError):
            codec.decode(data[:-1])


@given(
    strategies.values(np.dtype("int32"), (300,)).flatmap(
        lambda array: strategies.damaged(TurboPfor("int32").encode(array))
    )
)
def test_damage(data):
    try:
        found = TurboPfor("int32", 300).decode(data)
    except OmFormatError:
        return
    assert found.shape == ((300,) if data else (0,))


def test_nothing():
    codec = TurboPfor("uint16", 10)
    assert codec.encode(np.empty((0, 3), "u2")) == b""
    assert codec.decode(b"").dtype == np.uint16
    assert codec.decode(b"").size == 0


@pytest.mark.parametrize(
    "wrong", [[1, 2], b"ab", RAMP.astype("i4"), RAMP.astype(">i2"), np.arange(20, dtype="i2")[::2], np.int16(1)]
)
def test_what_is_not_encoded(wrong):
    with pytest.raises(TypeError, match="turbo_pfor"):
        TurboPfor("int16").encode(wrong)


@pytest.mark.parametrize("dtype", ["float32", "bool", ">i4", "datetime64[s]"])
def test_types_that_are_none(dtype):
    with pytest.raises(ValueError, match="no dtype"):
        TurboPfor(dtype).encode(np.zeros(3, dtype))
    with pytest.raises(ValueError, match="no dtype"):
        TurboPfor(dtype, 3).decode(b"abc")


def test_what_decoding_needs():
    with pytest.raises(ValueError, match="chunk_elements"):
        TurboPfor("int16").decode(b"\0\xc2\2")
    with pytest.raises(ValueError, match="out"):
        TurboPfor("int16", 10).decode(b"\0\xc2\2", out=np.empty(10, "i2"))


def test_config():
    codec = TurboPfor("int8", 3)
    config = codec.get_config()
    assert config == {"id": "turbo_pfor", "dtype": "int8", "chunk_elements": 3}
    assert numcodecs.get_codec(dict(config)) == codec
    assert TurboPfor.from_config({"id": "turbo_pfor", "dtype": "int8", "more": 1}) == TurboPfor("int8")
    assert TurboPfor("int8", 4) != codec
    assert pickle.loads(pickle.dumps(codec)) == codec
    assert TurboPfor() == TurboPfor("int16", None)


@pytest.mark.parametrize("order", ["C", "F"])
def test_zarr_format_2(order):
    array = np.arange(35, dtype="i4").reshape(5, 7)
    store = {}
    codec = TurboPfor("int32", chunk_elements=12)
    made = zarr.create_array(
        store, shape=(5, 7), chunks=(3, 4), dtype="i4", order=order, zarr_format=2, filters=None, compressors=codec
    )
    made[:] = array
    np.testing.assert_array_equal(zarr.open_array(store)[:], array)


# --- zarr -------------------------------------------------------------------------------------------------------------

PIPELINES = {
    "codec": {"compressors": [PforCodec()]},
    "codec first": {"compressors": [PforCodec(), GzipCodec()]},
    "codec last": {"compressors": [GzipCodec(), PforCodec()]},
    "serializer": {"serializer": PforSerializer(), "compressors": None},
    "serializer first": {"serializer": PforSerializer(), "compressors": [GzipCodec()]},
    "both": {"serializer": PforSerializer(), "compressors": [PforCodec()]},
    "by name": {"serializer": {"name": "omfiles.pfor_serializer"}, "compressors": [{"name": "omfiles.pfor"}]},
}


@st.composite
def written(draw):
    """A pipeline, an array, its chunks, shards if any, and the parts in which it is written."""
    name = draw(st.sampled_from(sorted(PIPELINES)))
    integers = "serializer" in PIPELINES[name]
    dtype = np.dtype(draw(st.sampled_from([*INTEGERS, *([] if integers else ["float32", "float64"])])))
    shape = draw(strategies.shapes(max_dims=3, max_elements=1000))
    array = draw(strategies.values(dtype, shape))
    chunks = draw(strategies.chunk_shapes(shape, max_chunks=20))
    factors = draw(st.none() | st.tuples(*(st.integers(1, 3) for _ in shape)))
    shards = factors and tuple(map(int.__mul__, chunks, factors))
    parts = draw(st.lists(strategies.selections(shape), max_size=2))
    return PIPELINES[name], array, chunks, shards, [part for part in parts if _zarr_can_write(part)]


def _zarr_can_write(part):
    return all(not isinstance(item, slice) or (item.step or 1) > 0 for item in part)


@given(written())
def test_zarr_round_trip(case):
    pipeline, array, chunks, shards, parts = case
    store = {}
    made = zarr.create_array(
        store, shape=array.shape, dtype=array.dtype, chunks=chunks, shards=shards, filters=None, **pipeline
    )
    expected = np.zeros_like(array)
    for part in [*parts, ...]:
        expected[part] = array[part]
        made[part] = array[part]
        np.testing.assert_array_equal(zarr.open_array(store, mode="r")[...], expected)


@pytest.mark.skipif(not hasattr(zarr.abc.codec, "SupportsSyncCodec"), reason="zarr is older than that")
@pytest.mark.parametrize("codec", [PforCodec(), PforSerializer()])
def test_needs_no_event_loop(codec):
    """What zarr 3.4 looks for, to get along without a thread for each chunk."""
    assert isinstance(codec, zarr.abc.codec.SupportsSyncCodec)


def test_serializer_takes_c_order():
    array = np.asfortranarray(np.arange(12, dtype="i4").reshape(3, 4))
    store = {}
    zarr.create_array(store, data=array, serializer=PforSerializer(), compressors=None)
    assert store["c/0/0"].to_bytes() == TurboPfor("int32").encode(np.arange(12, dtype="i4"))


@pytest.mark.parametrize("dtype", ["float32", "bool", "complex64"])
def test_serializer_refuses_what_are_no_integers(dtype):
    with pytest.raises(ValueError, match=r"omfiles\.pfor_serializer has no dtype"):
        zarr.create_array({}, shape=(3,), dtype=dtype, serializer=PforSerializer())


@pytest.mark.parametrize("codec", [PforCodec, PforSerializer])
def test_metadata(codec):
    name = codec().name
    assert codec().to_dict() == {"name": name}
    for data in [{"name": name}, {"name": name, "config": {}}, {"name": name, "configuration": {}}]:
        assert codec.from_dict(data) == codec() == codec.from_config(data)
    assert len({codec(), codec(), codec(config={})}) == 1
    assert pickle.loads(pickle.dumps(codec())) == codec()
    with pytest.raises(ValueError, match=r"no configuration, but found .*level"):
        codec.from_dict({"name": name, "configuration": {"level": 3}})
    with pytest.raises(ValueError, match="not 'gzip'"):
        codec.from_dict({"name": "gzip"})


@pytest.mark.parametrize("key", ["config", "configuration", None])
def test_stored_metadata(key):
    """What omfiles 1.2.0 wrote, what the specification says, and what we write."""
    store = {}
    zarr.create_array(store, data=RAMP, serializer=PforSerializer(), compressors=[PforCodec()])
    document = json.loads(store["zarr.json"].to_bytes())
    assert document["codecs"] == [{"name": "omfiles.pfor_serializer"}, {"name": "omfiles.pfor"}]
    if key:
        document["codecs"] = [{**codec, key: {}} for codec in document["codecs"]]
        store["zarr.json"] = Buffer.from_bytes(json.dumps(document).encode())
    np.testing.assert_array_equal(zarr.open_array(store)[:], RAMP)


def test_entry_points():
    found = {
        (group, entry.name): entry.load()
        for group in ("zarr.codecs", "numcodecs.codecs")
        for entry in entry_points(group=group)
        if entry.module.startswith("omfiles.")
    }
    assert found == {
        ("zarr.codecs", "omfiles.pfor"): PforCodec,
        ("zarr.codecs", "omfiles.pfor_serializer"): PforSerializer,
        ("numcodecs.codecs", "turbo_pfor"): TurboPfor,
    }


def stored(array, **pipeline):
    store = {}
    zarr.create_array(store, data=array, filters=None, **pipeline)
    return store, store["c/0"].to_bytes()


def test_size_is_kept_only_behind_others():
    array = np.arange(1000, dtype="i4")
    assert stored(array, compressors=[PforCodec()])[1] == TurboPfor("uint8").encode(array.view("u1"))
    data = stored(array, serializer=PforSerializer(), compressors=[PforCodec()])[1]
    assert data[:10] == SIZED + (17).to_bytes(8, "little")


@pytest.mark.parametrize(
    ("pipeline", "data"),
    [
        ({"compressors": [PforCodec()]}, b""),
        ({"compressors": [PforCodec()]}, SIZED),
        ({"compressors": [PforCodec()]}, SIZED + (2**62).to_bytes(8, "little") + b"\0\0"),
        ({"compressors": [PforCodec()]}, SIZED + (3).to_bytes(8, "little") + b"\0\0"),
        ({"compressors": [PforCodec()]}, b"\0\0"),
        ({"serializer": PforSerializer(), "compressors": None}, b""),
        ({"serializer": PforSerializer(), "compressors": None}, b"\0\0\0"),
        # Written by omfiles 1.2.0, whose process ended by a signal when it read it.
        ({"serializer": PforSerializer(), "compressors": [PforCodec()]}, bytes.fromhex("0008c240c040c040c040c040c040")),
    ],
)
def test_damaged_chunks(pipeline, data):
    store, _ = stored(np.arange(1000, dtype="i4"), **pipeline)
    store["c/0"] = Buffer.from_bytes(data)
    with pytest.raises(ValueError):  # noqa: PT011  zarr complains of empty ones before we can
        zarr.open_array(store)[:]


# --- omfiles 1.2.0 ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def peer():
    """The Python of an environment that has omfiles 1.2.0 and zarr."""
    home = Path(os.environ.get("OMFILES_PEER_VENV", HERE.parent.parent / ".cache" / "peer-venv")).absolute()
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    found = python.exists() and subprocess.run([python, "-c", "import zarr"], capture_output=True).returncode == 0
    if not found and os.environ.get("OMFILES_REQUIRE_PEER") == "1":
        raise RuntimeError(f"no omfiles 1.2.0 with zarr in {home}; if it is older, remove it to have it made anew")
    return python if found else pytest.skip("there is no omfiles 1.2.0 with zarr")


@pytest.mark.slow
def test_exchange_with_the_peer(peer, tmp_path):
    """Each reads what the other wrote, and both write the same bytes but for padding."""
    rng = np.random.default_rng(0)
    arrays = {}
    for name in INTEGERS:
        info = np.iinfo(name)
        arrays[f"{name} noise"] = rng.integers(info.min, info.max, (23, 31), name, endpoint=True)
        arrays[f"{name} walk"] = np.cumsum(rng.integers(0, 3, 700)).astype(name)
    arrays["float32 noise"] = rng.normal(size=(40, 5)).astype("f4")
    np.savez(tmp_path / "arrays.npz", **arrays)

    ours = tmp_path / "ours"
    for name, array in arrays.items():
        for kind in ("codec", "serializer")[: 2 if array.dtype.kind in "iu" else 1]:
            zarr.create_array(
                ours / f"{name} {kind}", data=array, chunks=(200,) if array.ndim == 1 else (10, 20), **PIPELINES[kind]
            )
            if array.dtype.kind in "iu":
                (ours / f"{name}.pfor").write_bytes(TurboPfor(array.dtype.name).encode(array))
    command = [peer, HERE / "peer_zarr_worker.py", tmp_path]
    # Neither PYTHONPATH nor the current folder may let the peer's process find our package.
    subprocess.run(list(map(str, command)), check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": ""})

    theirs = tmp_path / "theirs"
    assert {path.name for path in ours.iterdir()} == {path.name for path in theirs.iterdir()}
    for path in theirs.iterdir():
        if path.suffix == ".pfor":
            array = arrays[path.stem]
            found = TurboPfor(array.dtype.name, array.size).decode(path.read_bytes()).reshape(array.shape)
        else:
            array = arrays[path.name.rpartition(" ")[0]]
            found = zarr.open_array(path, mode="r")[...]
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)
    verdicts = json.loads((tmp_path / "verdicts.json").read_text())
    assert verdicts == {path.name: True for path in ours.iterdir()}
