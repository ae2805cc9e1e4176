# SPDX-License-Identifier: MIT
"""Writing arrays, scalars and groups: what is accepted, what is refused, and how it lies in the file."""

from __future__ import annotations

import decimal
import enum
import fractions
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omfiles import OmFileReader, OmFileWriter, OmWriterVariable, save

DTYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
FIELD = np.arange(35, dtype=np.float32).reshape(5, 7)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.om"


@pytest.fixture
def writer(path: Path) -> Iterator[OmFileWriter]:
    writer = OmFileWriter(path)
    yield writer
    if not writer.closed:
        writer.discard()


def written(path: Path, *arguments: Any, **options: Any) -> bytes:
    """Return the bytes of a file that holds one array."""
    with OmFileWriter(path) as writer:
        writer.write_array(*arguments, **options)
    return path.read_bytes()


def write(writer: OmFileWriter, stream: bool, data: np.ndarray, chunks: Any, *args: Any, **options: Any) -> None:
    """Write an array in one of the two ways."""
    if stream:
        writer.write_array_streaming(data.shape, chunks, iter([data]), data.dtype, *args, **options)
    else:
        writer.write_array(data, chunks, *args, **options)


# --- arrays -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_extreme_values_come_back(path: Path, dtype: str) -> None:
    if np.dtype(dtype).kind == "f":
        data = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, np.finfo(dtype).max, np.finfo(dtype).tiny], dtype)
    else:
        data = np.array([0, 1, np.iinfo(dtype).min, np.iinfo(dtype).max, 5], dtype)
    save(path, data)
    with OmFileReader(path) as reader:
        assert reader.dtype == dtype
        assert reader[:].tobytes() == data.tobytes()


@pytest.mark.parametrize("alias", ["longlong", "ulonglong", "intc", "uint", "l", "=i4", "single", "double"])
def test_dtype_aliases(path: Path, alias: str) -> None:
    save(path, np.arange(5).astype(alias))
    with OmFileReader(path) as reader:
        assert reader.dtype == np.dtype(alias)


def unaligned(data: np.ndarray) -> np.ndarray:
    memory = np.zeros(data.nbytes + 1, np.uint8)
    result = memory[1:].view(data.dtype).reshape(data.shape)
    result[...] = data
    assert not result.flags.aligned
    return result


def field_of_records(data: np.ndarray) -> np.ndarray:
    records = np.zeros(data.shape, [("a", "f4"), ("x", data.dtype), ("b", "i2")])
    records["x"] = data
    return records["x"]


def read_only(data: np.ndarray) -> np.ndarray:
    data = data.copy()
    data.flags.writeable = False
    return data


LAYOUTS = {
    "fortran": np.asfortranarray,
    "reversed": lambda data: data[::-1, ::-1].copy()[::-1, ::-1],
    "strided": lambda data: np.repeat(np.repeat(data, 2, 0), 3, 1)[::2, ::3],
    "transposed": lambda data: data.T.copy().T,
    "read-only": read_only,
    "byte-swapped": lambda data: data.astype(data.dtype.newbyteorder()),
    "byte-swapped, strided": lambda data: np.repeat(data, 2, 1).astype(data.dtype.newbyteorder())[:, ::2],
    "unaligned": unaligned,
    "field": field_of_records,
    "matrix": lambda data: data.view(np.matrix),
    "real part": lambda data: (data + 1j).astype(np.complex128 if data.itemsize == 8 else np.complex64).real,
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("chunks", [(2, 3), (1, 7), (5, 7), "auto"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_layout_gives_the_same_bytes(path: Path, layout: str, chunks: Any, dtype: str) -> None:
    data = FIELD.astype(dtype)
    other = LAYOUTS[layout](data)
    assert np.array_equal(other, data)
    assert written(path, other, chunks, 10) == written(path, data, chunks, 10)


def test_broadcast_array(path: Path) -> None:
    data = np.broadcast_to(np.arange(7, dtype=np.int16), (5, 7))
    assert written(path, data, (2, 3)) == written(path, data.copy(), (2, 3))


def test_conversion_in_many_parts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omfiles._writing.encode.COPY_ELEMENTS", 4)
    data = np.arange(4 * 5 * 6, dtype=np.int32).reshape(4, 5, 6)
    assert written(path, data.astype(">i4"), (3, 2, 4)) == written(path, data, (3, 2, 4))


@pytest.mark.parametrize("compression", ["pfor_delta_2d", "fpx_xor_2d", "pfor_delta_2d_int16"])
def test_chunks_larger_than_the_buffer(path: Path, compression: str) -> None:
    data = np.random.default_rng(1).integers(0, 30000, (1000, 1500)).astype(np.float32)
    data[300:900] = 7
    written(path, data, data.shape, compression=compression)
    with OmFileReader(path) as reader:
        assert reader.chunks == data.shape
        assert np.array_equal(reader[:], data)


def test_many_chunks(path: Path) -> None:
    """A look-up table that is larger than the buffer."""
    data = np.random.default_rng(1).integers(0, 2**62, 700_000)
    written(path, data, (1,))
    with OmFileReader(path) as reader:
        assert np.array_equal(reader[:], data)


def test_chunks_are_clipped(path: Path) -> None:
    assert written(path, FIELD, (100, 3)) == written(path, FIELD, (5, 3))


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="arrays of numpy 1 have up to 32 dimensions")
def test_sixty_four_dimensions(path: Path) -> None:
    data = np.arange(4, dtype=np.int8).reshape((1,) * 62 + (2, 2))
    written(path, data, (1,) * 64)
    with OmFileReader(path) as reader:
        assert reader.shape == data.shape


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([[1.0]], TypeError, "numpy.ndarray, not list"),
        (np.float32(1), TypeError, "numpy.ndarray, not float32"),
        (np.ma.masked_array([1.0, 2.0], [0, 1]), ValueError, "masked array; fill it first"),
        (np.ones(3, "f2"), ValueError, "Unsupported array data type float16"),
        (np.ones(3, np.longdouble), ValueError, "Unsupported array data type"),
        (np.ones(3, bool), ValueError, "Unsupported array data type"),
        (np.ones(3, complex), ValueError, "Unsupported array data type"),
        (np.ones(3, object), ValueError, "Unsupported array data type"),
        (np.ones(3, "U1"), ValueError, "Unsupported array data type"),
        (np.ones(3, "S1"), ValueError, "Unsupported array data type"),
        (np.ones(3, "M8[s]"), ValueError, "Unsupported array data type"),
        (np.ones(3, "m8[s]"), ValueError, "Unsupported array data type"),
        (np.array(1.0), RuntimeError, "Dimension must be larger than 0"),
        (np.ones((3, 0)), RuntimeError, "Dimension must be larger than 0"),
    ],
)
@pytest.mark.guarantee(n=16)
def test_wrong_data(writer: OmFileWriter, data: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        writer.write_array(data, (1,) * np.ndim(data))
    writer.close(writer.write_array(FIELD, (2, 3)))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"chunks": 3}, TypeError, "sequence of integers"),
        ({"chunks": "big"}, TypeError, "'big'"),
        ({"chunks": (2, 1.5)}, TypeError, r"sequence of integers, not \(2, 1.5\)"),
        ({"chunks": (2,)}, RuntimeError, "1 for an array of 2 dimensions"),
        ({"chunks": (2, 0)}, RuntimeError, "axis 1 has 0"),
        ({"chunks": (2, -1)}, OverflowError, "axis 1 has -1"),
        ({"scale_factor": 0}, ValueError, "scale_factor must not be 0"),
        ({"scale_factor": 1e-50}, ValueError, "scale_factor must not be 0 as float32, but is 1e-50"),
        ({"scale_factor": 1e39}, ValueError, "scale_factor must be finite"),
        ({"scale_factor": 10**40}, ValueError, "scale_factor must be finite as float32, not an integer of 133 bits"),
        ({"scale_factor": -(10**400)}, ValueError, "scale_factor must be finite .*, not an integer of 1329 bits"),
        ({"add_offset": fractions.Fraction(10**400)}, ValueError, "add_offset must be finite as float32, not Fraction"),
        ({"scale_factor": float("nan")}, ValueError, "scale_factor must be finite"),
        ({"scale_factor": "20"}, TypeError, "scale_factor must be a number"),
        ({"scale_factor": None}, TypeError, "scale_factor must be a number, not None"),
        ({"add_offset": [1]}, TypeError, r"add_offset must be a number, not \[1\]"),
        ({"add_offset": float("inf")}, ValueError, "add_offset must be finite"),
        ({"compression": "zip"}, ValueError, "pfor_delta_2d, .*'zip'"),
        ({"compression": "PFOR_DELTA_2D"}, ValueError, "pfor_delta_2d"),
        ({"compression": "none"}, ValueError, "'none'"),
        ({"compression": None}, TypeError, "compression must be a str"),
        ({"overflow": "wrap"}, ValueError, "'raise', 'clip' or 'nan'"),
        ({"name": None}, TypeError, "name must be a str"),
        ({"name": b"x"}, TypeError, "name must be a str"),
        ({"name": "x" * 65536}, ValueError, "65536 bytes"),
        ({"name": "é" * 32768}, ValueError, "65536 bytes"),
        ({"name": "\ud800"}, ValueError, "UTF-8"),
        ({"children": [1]}, TypeError, "OmWriterVariable, not 1"),
        ({"children": "ab"}, TypeError, "OmWriterVariable, not 'a'"),
        ({"children": 5}, TypeError, "children must be a sequence of OmWriterVariable, not 5"),
        ({"attrs": ["units"]}, TypeError, "mapping"),
        ({"attrs": {1: 2}}, TypeError, "must be a str"),
        ({"attrs": {"a": None}}, ValueError, "Unsupported scalar data type: 'a' is None"),
        ({"attrs": {"coordinates": "y x"}, "dims": ("y", "x")}, ValueError, "coordinates"),
        ({"dims": "yx"}, TypeError, "sequence of names"),
        ({"dims": ("y", 1)}, TypeError, "sequence of names"),
        ({"dims": ("y",)}, ValueError, "2 different names"),
        ({"dims": ("y", "y")}, ValueError, "2 different names"),
        ({"dims": ("y", "")}, ValueError, "neither empty"),
        ({"dims": ("y", "the x")}, ValueError, "white space"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_wrong_options(
    writer: OmFileWriter, options: dict[str, Any], error: type[Exception], message: str, stream: bool
) -> None:
    options = options.copy()
    chunks = options.pop("chunks", (2, 3))
    with pytest.raises(error, match=message):
        write(writer, stream, FIELD, chunks, **options)
    writer.close(writer.write_array(FIELD, (2, 3)))


@pytest.mark.parametrize(
    ("compression", "good"),
    [
        ("fpx_xor_2d", ["float32", "float64"]),
        ("pfor_delta_2d_int16", ["float32"]),
        ("pfor_delta_2d_int16_logarithmic", ["float32"]),
        ("pfor_delta_2d", DTYPES),
    ],
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_compressions_and_dtypes(writer: OmFileWriter, compression: str, good: list[str], dtype: str) -> None:
    data = np.arange(4).astype(dtype)
    if dtype in good:
        writer.close(writer.write_array(data, (4,), compression=compression))
    else:
        with pytest.raises(RuntimeError, match="Invalid data type"):
            writer.write_array(data, (4,), compression=compression)


# --- floats that do not fit -------------------------------------------------------------------------------------------


OVERFLOWS = [
    # dtype, compression, scale, offset, value, what "clip" reads
    ("float32", "pfor_delta_2d", 1, 0, 3e9, 2147483520),
    ("float32", "pfor_delta_2d", 1, 0, np.inf, 2147483520),
    ("float32", "pfor_delta_2d", 1, 0, -np.inf, -(2.0**31)),
    ("float32", "pfor_delta_2d", -2, 0, np.inf, 2.0**30),
    ("float64", "pfor_delta_2d", 1, 0, 1e19, 2.0**63 - 1024),
    ("float64", "pfor_delta_2d", 1, 0, -1e19, -(2.0**63)),
    ("float32", "pfor_delta_2d_int16", 20, 0, 1639, 32766 / 20),
    ("float32", "pfor_delta_2d_int16", 20, 0, -1639, -32768 / 20),
    ("float32", "pfor_delta_2d_int16", 1, 40000, 0, 32766 - 40000),
    ("float32", "pfor_delta_2d_int16_logarithmic", 1000, 0, -1.5, -1),
]


@pytest.mark.parametrize(("dtype", "compression", "scale", "offset", "value", "clipped"), OVERFLOWS)
@pytest.mark.parametrize("overflow", ["clip", "nan"])
def test_overflow_as_asked(
    path: Path, dtype: str, compression: str, scale: float, offset: float, value: float, clipped: float, overflow: str
) -> None:
    harmless = -offset
    data = np.array([harmless, value, np.nan, harmless], dtype)
    written(path, data, (4,), scale, offset, compression, overflow=overflow)
    with OmFileReader(path) as reader:
        found = reader[:]
    expected = np.array([harmless, clipped if overflow == "clip" else np.nan, np.nan, harmless], dtype)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(("dtype", "compression", "scale", "offset", "value", "clipped"), OVERFLOWS)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("chunk", [(2, 3), (400, 700)])
@pytest.mark.guarantee(n=15)
def test_overflow_raises(
    writer: OmFileWriter,
    dtype: str,
    compression: str,
    scale: float,
    offset: float,
    value: float,
    clipped: float,
    stream: bool,
    chunk: tuple[int, int],
) -> None:
    """In small chunks and in one that is encoded in pieces."""
    shape = (5, 7) if chunk == (2, 3) else chunk
    data = np.full(shape, -offset, dtype)
    data[3, 5] = data[4, 6] = data[3, 6] = value
    message = r"variable 'rain': 3 values .* add_offset .* at index \(3, 5\); the range is "
    arguments = scale, offset, compression, "rain"
    before = writer._out.position
    with pytest.raises(ValueError, match=message):
        write(writer, stream, data, chunk, *arguments)
    assert writer._out.position - before <= 30  # nothing behind the first one was kept
    writer.close(writer.write_array(np.full_like(data, -offset), chunk, *arguments))


def test_overflow_message_is_complete(writer: OmFileWriter) -> None:
    data = np.zeros((5, 7), ">f4")
    data[4, 1] = 1e9
    message = (
        "variable 't': 1 value cannot be held by pfor_delta_2d with scale_factor 20 and add_offset 0; the first one is "
        "1e+09 at index (4, 1); the range is -107374182 to 107374182. Choose another scale_factor, or overflow='clip' "
        "or 'nan'"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        writer.write_array(data, (2, 3), 20, name="t")


def test_all_parts_of_a_converted_array_are_counted(writer: OmFileWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omfiles._writing.encode.COPY_ELEMENTS", 4)
    data = np.full((6, 8), np.inf, ">f4")
    data[:2] = 0
    with pytest.raises(ValueError, match=r"32 values .* at index \(2, 0\)"):
        writer.write_array(data, (2, 4))


@pytest.mark.guarantee(n=15)
def test_half_a_step(path: Path) -> None:
    data = np.random.default_rng(3).uniform(-100, 100, (50, 60))
    written(path, data, (20, 20), 20, 7.5)
    with OmFileReader(path) as reader:
        assert np.abs(reader[:] - data).max() <= 0.5 / 20 + 1e-9


# --- scalars and groups -----------------------------------------------------------------------------------------------


class Level(enum.IntEnum):
    SURFACE = 2


class Index:
    def __index__(self) -> int:
        return 7


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Größe", "Größe"),
        ("", ""),
        (np.str_("x\0y"), "x\0y"),
        (np.array("zero-d"), "zero-d"),
        *((np.dtype(dtype).type(3), np.dtype(dtype).type(3)) for dtype in DTYPES),
        (np.longlong(-4), np.int64(-4)),
        (np.int64(2**53 + 1), np.int64(2**53 + 1)),
        (np.float16(1.5), np.float64(1.5)),
        (np.longdouble(1.5), np.float64(1.5)),
        (1.5, np.float64(1.5)),
        (5, np.int64(5)),
        (-(2**63), np.int64(-(2**63))),
        (2**63 - 1, np.int64(2**63 - 1)),
        (2**63, np.uint64(2**63)),
        (2**64 - 1, np.uint64(2**64 - 1)),
        (Level.SURFACE, np.int64(2)),
        (Index(), np.int64(7)),
        (decimal.Decimal("0.5"), np.float64(0.5)),
        (fractions.Fraction(1, 4), np.float64(0.25)),
        (np.array(5, "int16"), np.int16(5)),
        (np.array(5, ">i2")[()], np.int16(5)),
        (float("-inf"), np.float64("-inf")),
    ],
)
@pytest.mark.guarantee(n=16)
def test_scalars(path: Path, value: Any, expected: Any) -> None:
    with OmFileWriter(path) as writer:
        writer.write_scalar(value, "s")
    with OmFileReader(path) as reader:
        found = reader.read_scalar()
    assert type(found) is type(expected)
    assert found == expected


@pytest.mark.parametrize(
    "value",
    [
        True, False, np.True_, b"x", bytearray(b"x"), None, 1j, np.complex64(1), [], (1,), np.ones(1), np.array([[1]]),
        np.datetime64("2024-01-01"), np.timedelta64(5, "s"), 2**64, -(2**63) - 1, fractions.Fraction(10**400), {},
        np.bytes_(b"x"), "\udcff", {1},
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.guarantee(n=16)
def test_scalars_that_cannot_be_stored(writer: OmFileWriter, value: Any) -> None:
    with pytest.raises(ValueError, match=r"Unsupported scalar data type|does not fit|UTF-8"):
        writer.write_scalar(value, "s")
    with pytest.raises(ValueError, match="'units'"):
        writer.write_group("g", [], attrs={"units": value})
    writer.close(writer.write_scalar(1, "s"))


@pytest.mark.parametrize("name", ["", "a/b", "a\0b", "Höhe", "x" * 65535])
@pytest.mark.guarantee(n=16)
def test_names(path: Path, name: str) -> None:
    with OmFileWriter(path) as writer:
        assert writer.write_scalar(1, name).name == name
    with OmFileReader(path) as reader:
        assert reader.name == name


def test_attributes_and_dims(path: Path) -> None:
    with OmFileWriter(path) as writer:
        child = writer.write_scalar(1, "child")
        writer.write_array(FIELD, (5, 7), children=[child], attrs={"units": "K", "level": 2}, dims=("lat", "lon"))
    with OmFileReader(path) as reader:
        assert [c.name for c in reader.children] == ["child", "units", "level", "coordinates"]
        assert dict(reader.attrs) == {"child": 1, "units": "K", "level": 2, "coordinates": "lat lon"}


def test_attribute_with_the_name_of_a_child(writer: OmFileWriter) -> None:
    child = writer.write_scalar(1, "units")
    with pytest.raises(ValueError, match="'units' is among the children and the attributes"):
        writer.write_group("g", [child], attrs={"units": "K"})


def test_group_needs_children(writer: OmFileWriter) -> None:
    with pytest.raises(TypeError):
        writer.write_group("g")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="may be empty"):
        writer.write_group("g", None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="name must be a str"):
        writer.write_group(1, [])  # type: ignore[arg-type]
    writer.close(writer.write_group("g", []))


@pytest.mark.parametrize("placement", ["tail", "inline"])
def test_a_shared_child_is_stored_once(path: Path, placement: str) -> None:
    with OmFileWriter(path, placement) as writer:
        shared = writer.write_scalar("shared value", "s")
        writer.write_group("top", [writer.write_group("a", [shared]), writer.write_group("b", [shared, shared])])
    assert path.read_bytes().count(b"shared value") == 1
    with OmFileReader(path) as reader:
        assert reader["a/s"].read_scalar() == reader["b/s"].read_scalar() == "shared value"
        assert reader["b"].num_children == 2


def test_unreferenced_variables(path: Path) -> None:
    for placement, count in ("tail", 0), ("inline", 1):
        writer = OmFileWriter(path, placement)
        writer.write_scalar("nobody's child", "s")
        writer.close(writer.write_group("top", []))
        assert path.read_bytes().count(b"nobody's child") == count


@pytest.mark.parametrize("placement", ["tail", "inline"])
def test_wide_and_deep(path: Path, placement: str) -> None:
    with OmFileWriter(path, placement) as writer:
        variable = writer.write_group("leaf", [])
        for level in range(998):
            variable = writer.write_group(f"level {level}", [variable])
        many = [writer.write_scalar(i, f"n{i}") for i in range(5000)]
        writer.close(writer.write_group("top", [variable, *many]))
    with OmFileReader(path) as reader:
        assert reader.num_children == 5001
        assert reader["n4999"].read_scalar() == 4999
        depth, current = 0, reader.get_child_by_index(0)
        while current.num_children:
            current = current.get_child_by_index(0)
            depth += 1
        assert (depth, current.name) == (998, "leaf")


def test_a_record_larger_than_the_buffer(path: Path) -> None:
    text = "ab" * 3_000_000
    with OmFileWriter(path) as writer:
        writer.write_scalar(text, "s")
    with OmFileReader(path) as reader:
        assert reader.read_scalar() == text


def test_handles(writer: OmFileWriter, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="write_"):
        OmWriterVariable()
    handle = writer.write_group("g", [])
    assert repr(handle) == "OmWriterVariable(name='g')"
    with pytest.raises(AttributeError):
        handle.name = "x"  # type: ignore[misc]
    other = OmFileWriter(tmp_path / "other.om")
    for use in (
        lambda: other.write_group("x", [handle]),
        lambda: other.write_scalar(1, "x", [handle]),
        lambda: other.write_array(FIELD, (5, 7), children=[handle]),
        lambda: other.close(handle),
    ):
        with pytest.raises(ValueError, match="different writer"):
            use()
    with pytest.raises(TypeError, match="root_variable must be"):
        other.close(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        other.close()  # type: ignore[call-arg]
    other.close(other.write_group("x", []))


def test_parameter_names(path: Path) -> None:
    writer = OmFileWriter.at_path(path=str(path), metadata_placement="tail")
    array = writer.write_array(
        data=FIELD, chunks=[2, 3], scale_factor=1, add_offset=0, compression="fpx_xor_2d", name="a", children=None
    )
    stream = writer.write_array_streaming(
        dimensions=[5, 7],
        chunks=[2, 3],
        chunk_iterator=iter([FIELD]),
        dtype=np.dtype("float32"),
        scale_factor=1.0,
        add_offset=0.0,
        compression="fpx_xor_2d",
        name="b",
        children=[],
    )
    scalar = writer.write_scalar(value=1, name="c", children=None)
    writer.close(root_variable=writer.write_group(name="d", children=(array, stream, scalar)))


# --- layout -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("placement", ["tail", "inline"])
def test_layout(path: Path, placement: str) -> None:
    with OmFileWriter(path, placement) as writer:
        attribute = writer.write_scalar("K", "units")
        array = writer.write_array(np.arange(5, dtype=np.int8), (5,), name="a", children=[attribute])
        writer.close(writer.write_group("top", [array]))
    content = path.read_bytes()
    assert content[:3] == b"OM\3"
    magic, reserved, offset, size = struct.unpack("<4sIQQ", content[-24:])
    assert (magic, reserved, len(content) % 8, offset % 8) == (b"OM\3\0", 0, 0, 0)
    assert content[offset : offset + size].endswith(b"top")
    with OmFileReader(path) as reader:
        flat = reader._get_flat_variable_metadata()
    places = [flat[name].offset for name in ("/top/a/units", "/top/a", "/top")]
    assert places == sorted(places)
    assert all(place % 8 == 0 for place in places)
    # In a tail the first record comes behind the data, a few bytes; inline it was written before them.
    assert places[0] == (16 if placement == "tail" else 8)


def test_attributes_come_before_the_data_of_inline_arrays(path: Path) -> None:
    """So that the record of an array directly follows its look-up table."""
    data = np.arange(5, dtype=np.int8)
    with OmFileWriter(path, "inline") as writer:
        writer.write_array(data, (5,), children=[writer.write_scalar("K", "units")])
    by_hand = path.read_bytes()
    with OmFileWriter(path, "inline") as writer:
        writer.write_array(data, (5,), attrs={"units": "K"})
    assert path.read_bytes() == by_hand


@pytest.mark.guarantee(n=17)
def test_same_input_same_bytes(tmp_path: Path) -> None:
    noise = np.random.default_rng(5).normal(size=(100, 130)).astype(np.float32)
    contents = {written(tmp_path / f"{i}.om", noise, (30, 40), 1000) for i in range(3)}
    assert len(contents) == 1


# --- save -------------------------------------------------------------------------------------------------------------


def test_save_is_lossless_unless_told_otherwise(path: Path) -> None:
    save(path, FIELD / 3)
    with OmFileReader(path) as reader:
        assert (reader.compression_name, reader.name) == ("fpx_xor_2d", "data")
        assert np.array_equal(reader[:], FIELD / 3)
    save(path, FIELD / 3, (2, 2), name="x", scale_factor=20, attrs={"units": "K"}, dims=["y", "x"])
    with OmFileReader(path) as reader:
        assert (reader.compression_name, reader.scale_factor, reader.chunks) == ("pfor_delta_2d", 20.0, (2, 2))
        assert dict(reader.attrs) == {"units": "K", "coordinates": "y x"}
    save(path, [[1, 2], [3, 4]])
    with OmFileReader(path) as reader:
        assert (reader.compression_name, reader.dtype) == ("pfor_delta_2d", np.int64)
    save(path, FIELD, compression="pfor_delta_2d_int16")
    with OmFileReader(path) as reader:
        assert reader.compression_name == "pfor_delta_2d_int16"


def test_save_leaves_the_old_file_on_errors(path: Path, tmp_path: Path) -> None:
    save(path, FIELD)
    before = path.read_bytes()
    for bad in np.ones(3, bool), np.ma.masked_array([1.0]), np.ones((2, 0)):
        with pytest.raises(ValueError, match=r"."):
            save(path, bad)
    with pytest.raises(ValueError, match="cannot be held"):
        save(path, np.full(3, np.inf), scale_factor=1)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
