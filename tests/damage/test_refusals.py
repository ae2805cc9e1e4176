# SPDX-License-Identifier: MIT
"""Files from strangers: every check of docs/format.md, section 7, has a file that fails it alone.

Such a file raises OmFormatError with path, byte offset and field; nothing else, no crash, and no long wait.
"""

import pickle
import time
from contextlib import suppress

import crafted
import numpy as np
import pytest
from crafted import (
    CHILDREN,
    CHUNK_LENGTHS,
    COMPRESSION,
    DIMS,
    DOUBLE_ARRAY,
    FLOAT_ARRAY,
    HEADER,
    INT16,
    INT16_ARRAY,
    LUT_PLACE,
    LUT_SIZE,
    N_CHILDREN,
    N_DIMS,
    NAME,
    NAME_SIZE,
    SCALE,
    START,
    STRING_SCALAR,
    array,
    common,
    legacy,
    om_file,
    small,
    u64,
)

import omfiles
from omfiles import OmFileReader, OmFileWriter, OmFormatError
from omfiles._tools.copy_variables import copy_file

HUGE = [2**28, 2**32 - 1, 2**60, 2**63, 2**64 - 1]
NAN, INF = float("nan"), float("inf")


def read_everything(source):
    """Every record, name, value and element, these thrice, over bytes that differ; returns the arrays."""
    arrays = []
    with OmFileReader(source) as root:
        root.tree()
        root._get_flat_variable_metadata()
        variables = [root]
        while variables:
            variable = variables.pop()
            variables += variable.children
            if variable.is_array:
                arrays.append(variable[...])
                for byte in (0x55, 0xAA):
                    out = np.full(variable.nbytes, byte, "u1").view(variable.dtype).reshape(variable.shape)
                    assert variable.read_array(..., out=out).tobytes() == arrays[-1].tobytes()
    return arrays


def refusal(tmp_path, content):
    """The error that a file with this content raises, after checks of what all of them must have."""
    path = tmp_path / "damaged.om"
    path.write_bytes(content)
    with pytest.raises(OmFormatError) as caught:
        read_everything(path)
    error = caught.value
    assert error.path == str(path)
    assert 0 <= error.offset <= len(content)
    assert error.field
    assert str(error).startswith(f"{path}: ")
    with pytest.raises(OmFormatError):
        read_everything(content)
    return error


def test_the_undamaged_files_are_good():
    np.testing.assert_array_equal(read_everything(om_file(array())), [np.array([1, 2, 3, 4], "i2")])
    np.testing.assert_array_equal(read_everything(legacy()), [np.array([[1, 2], [3, 4]], "f4")])
    string = small(STRING_SCALAR, value=u64(2) + b"hi", name=b"s")
    assert omfiles.open(om_file(string, small(children=[(len(string), START)]))).attrs == {"s": "hi"}


@pytest.mark.parametrize("place", range(-21, -16))
def test_what_trailers_may_hold(place):
    """Three bytes tell a trailer; the next five, written as zeros, are ignored."""
    content = bytearray(om_file(array()))
    content[place] = 7
    np.testing.assert_array_equal(read_everything(bytes(content)), [[1, 2, 3, 4]])


BIG = 1000  # behind the end of these files

RECORDS = {
    "LUT offset behind the end": (array(lut=(3, BIG)), LUT_PLACE, "LUT offset"),
    "LUT ends behind the end": (array(lut=(BIG, 9)), LUT_SIZE, "LUT size"),
    "LUT end overflows": (array(lut=(2**64 - 9, 9)), LUT_SIZE, "LUT size"),
    "LUT too small for the chunks": (array(lut=(3, 9), dims=(200,)), LUT_SIZE, "LUT size"),
    "LUT size no multiple of its groups": (array(lut=(5, 9), dims=(128,)), LUT_SIZE, "LUT size"),
    "LUT of no bytes": (array(lut=(0, 9)), LUT_SIZE, "LUT size"),
    "no dimensions": (array(dims=(), chunks=()), N_DIMS, "number of dimensions"),
    "65 dimensions": (array(dims=(1,) * 65, chunks=(1,) * 65), N_DIMS, "number of dimensions"),
    "more dimensions than the record holds": (array(n_dims=2), N_DIMS, "number of dimensions"),
    "16 * dimensions overflows": (array(n_dims=2**60), N_DIMS, "number of dimensions"),
    "dimension 0": (array(dims=(0,), chunks=(0,)), DIMS, "dimensions"),
    "chunk length 0": (array(chunks=(0,)), CHUNK_LENGTHS, "chunk lengths"),
    "chunk longer than its dimension": (array(chunks=(5,)), CHUNK_LENGTHS, "chunk lengths"),
    "product of dimensions overflows": (array(dims=(2**32, 2**32), chunks=(2**32, 2**32)), DIMS + 8, "dimensions"),
    "bytes of the array overflow": (array(dims=(2**62,), chunks=(2**62,)), DIMS, "dimensions"),
    "more elements than the file can hold": (array(dims=(2**20,), chunks=(2**20,)), DIMS, "dimensions"),
    "scale 0": (array(FLOAT_ARRAY, scale=0), SCALE, "scale_factor or add_offset"),
    "scale NaN": (array(FLOAT_ARRAY, scale=NAN), SCALE, "scale_factor or add_offset"),
    "scale inf": (array(DOUBLE_ARRAY, scale=-INF), SCALE, "scale_factor or add_offset"),
    "offset NaN": (array(FLOAT_ARRAY, offset=NAN), SCALE, "scale_factor or add_offset"),
    "offset inf": (array(FLOAT_ARRAY, offset=INF), SCALE, "scale_factor or add_offset"),
    "unknown type": (array(22), 0, "data type"),
    "unknown type 255": (small(255), 0, "data type"),
    "unknown compression": (array(compression=5), COMPRESSION, "compression"),
    "array without compression": (array(compression=4), COMPRESSION, "compression"),
    "XOR of integers": (array(compression=1), COMPRESSION, "compression"),
    "16 bits for doubles": (array(DOUBLE_ARRAY, compression=0), COMPRESSION, "compression"),
    "compressed group": (small(compression=0), COMPRESSION, "compression"),
    "compressed scalar": (small(INT16, compression=2, value=b"\1\0"), COMPRESSION, "compression"),
    "more children than the record holds": (small(n_children=1), N_CHILDREN, "number of children"),
    "children of an array": (array(n_children=3), N_CHILDREN, "number of children"),
    "child offset behind the end": (small(children=[(8, BIG)]), CHILDREN + 8, "child offset"),
    "child ends behind the end": (small(children=[(BIG, 8)]), CHILDREN, "child size"),
    "child end overflows": (small(children=[(2**64 - 8, 8)]), CHILDREN, "child size"),
    "name longer than the record": (array(name_size=2), NAME_SIZE, "name size"),
    "bytes behind the name": (array(name=b"tt", name_size=1), NAME + 1, "record"),
    "name not UTF-8": (array(name=b"\xff"), NAME, "name"),
    "overlong UTF-8": (array(name=b"\xc0\xaf"), NAME, "name"),
    "surrogate in UTF-8": (array(name=b"\xed\xa0\x80"), NAME, "name"),
    "value cut off": (small(INT16, value=b"\1", name=b""), 8, "value"),
    "string longer than the record": (small(STRING_SCALAR, value=u64(3) + b"hi", name=b""), 8, "string length"),
    "string length overflows": (small(STRING_SCALAR, value=u64(2**64 - 1) + b"hi"), 8, "string length"),
    "string without its length": (small(STRING_SCALAR, value=b"", name=b""), 8, "string length"),
    "string not UTF-8": (small(STRING_SCALAR, value=u64(1) + b"\x80"), 16, "value"),
    "record of 7 bytes": (bytes(7), 0, "record"),
    "empty record": (b"", 0, "record"),
    "array record cut off": (common(20, 2, b"", ()), 8, "array record"),
}


@pytest.mark.parametrize("case", RECORDS)
@pytest.mark.guarantee(n=7)
@pytest.mark.guarantee(n=9)
def test_records(tmp_path, case):
    record, offset, field = RECORDS[case]
    error = refusal(tmp_path, om_file(record))
    assert (error.offset, error.field) == (START + offset, field)
    if field not in ("child offset", "child size") and case != "string not UTF-8":
        with pytest.raises(OmFormatError):
            OmFileReader(om_file(record))  # nothing needs to be read


@pytest.mark.parametrize("case", RECORDS)
def test_records_of_children(tmp_path, case):
    """The same in a child, with the parent before it: readers rely on no order."""
    record, offset, field = RECORDS[case]
    parent = small(children=[(len(record), 48)], name=b"parent..")
    content = om_file(parent, record, root=(START, len(parent)))
    error = refusal(tmp_path, content)
    assert (error.offset, error.field) == (48 + offset, field)
    assert error.variable is not None


def one_chunk(chunk, type=INT16_ARRAY, n=2, **fields):
    """A file whose array is this chunk."""
    lut = bytes([3, 0, len(chunk)]) if len(chunk) == 0 else bytes([3, 6, len(chunk)])  # PLAIN block of 6 bits
    body = HEADER + chunk
    record = array(type, dims=(n,), chunks=(n,), lut=(3, len(body)), **fields)
    return om_file(record, body=chunk + lut)


STREAMS = {
    # name: (chunk of two elements, array type, compression)
    "empty block": (b"\1", INT16_ARRAY, 2),
    "PLAIN cut off": (b"\1\x09\0", INT16_ARRAY, 2),
    "PLAIN with b > w": (b"\1\x11\0\0\0", INT16_ARRAY, 2),
    "CONST with b > w": (b"\1\xd1\0\0\0", INT16_ARRAY, 2),
    "CONST cut off": (b"\1\xc9\0", INT16_ARRAY, 2),
    "byte left over": (b"\1\xc2\2\0", INT16_ARRAY, 2),
    "PATCH with b + x > w": (b"\1\x88\x09\1\0\0\0", INT16_ARRAY, 2),
    "PATCH without its bitmap": (b"\1\x81\1", INT16_ARRAY, 2),
    "PATCH without its exceptions": (b"\1\x80\1\1", INT16_ARRAY, 2),
    "PATCH without its low parts": (b"\1\x82\1\1\1", INT16_ARRAY, 2),
    "VBYTE with m > n": (b"\1\x41\2\0\1\1\0\0", INT16_ARRAY, 2),
    "VBYTE position behind the block": (b"\1\x41\1\0\1\1", INT16_ARRAY, 2),
    "VBYTE number too large": (b"\1\x41\1\0\xf9\xff\xff\xff\0", INT16_ARRAY, 2),
    "VBYTE high part too large": (b"\1\x50\1\0\0\1\0", INT16_ARRAY, 2),
    "VBYTE without its positions": (b"\1\x41\1\0\1", INT16_ARRAY, 2),
    "VBYTE in a stream of bytes": (b"\1\x41\0\0", 12, 2),
    "first value cut off": (b"\x80", INT16_ARRAY, 2),
    "first value too large": (b"\xc1\0\0\0", INT16_ARRAY, 2),
    "first byte above 0xF7": (b"\xf8\0\0\0\0\0\0", FLOAT_ARRAY, 2),
    "XOR without a block": (b"\0", FLOAT_ARRAY, 1),
    "XOR cut off": (b"\0\x20\0\0\0\0", FLOAT_ARRAY, 1),
    "XOR with b > w": (b"\0\x21" + bytes(9), FLOAT_ARRAY, 1),
    "XOR with a byte left over": (b"\x20\0\0", FLOAT_ARRAY, 1),
    "XOR of doubles cut off": (b"\0\x3f" + bytes(15), DOUBLE_ARRAY, 1),
    "longer than two elements can be": (b"\1\xc2\2" + bytes(56), INT16_ARRAY, 2),
}


@pytest.mark.parametrize("case", STREAMS)
@pytest.mark.guarantee(n=7)
@pytest.mark.guarantee(n=3)
def test_chunks(tmp_path, case):
    chunk, type, compression = STREAMS[case]
    error = refusal(tmp_path, one_chunk(chunk, type, compression=compression))
    assert 3 <= error.offset <= 3 + len(chunk)
    assert error.variable == "t"


def test_positions_that_do_not_ascend(tmp_path):
    """A block of three values, of which two are exceptions at one place."""
    block = bytes.fromhex("41 02 00 01 01")
    np.testing.assert_array_equal(read_everything(one_chunk(b"\0" + block + b"\0\2", n=4))[0], [0, 1, 1, 2])
    for positions in (b"\1\1", b"\2\1"):
        assert refusal(tmp_path, one_chunk(b"\0" + block + positions, n=4)).variable == "t"


LUTS = {
    "does not ascend": b"\3\0",
    "starts behind the end": b"\xbf\xff\xc2\3",
    "ends behind the end": b"\3\xc8\xff",
    "wraps around": b"\3\xff" + bytes([255] * 8),
    "is cut off": b"\3\xc8",
    "has no block": b"\3",
    "b > 64": b"\3\x7f\0\0",
}


@pytest.mark.parametrize("case", LUTS)
@pytest.mark.guarantee(n=7)
def test_look_up_tables(tmp_path, case):
    lut = LUTS[case]
    content = om_file(array(lut=(len(lut), 9)), body=crafted.CHUNKS + lut)
    error = refusal(tmp_path, content)
    assert error.variable == "t"
    assert (error.field, error.offset >= 3) == ("look-up table", True)


def test_chunk_outside_its_array(tmp_path):
    """Ranges in the file that are too long for a chunk of two elements, and too short."""
    long = one_chunk(b"\1\xc2\2" + bytes(57))
    assert "longer" in refusal(tmp_path, long).reason
    short = one_chunk(b"\1", n=2)
    assert "shorter" in refusal(tmp_path, short).reason


TRAILERS = {
    "empty file": (b"", "too small"),
    "two bytes": (b"OM", "too small"),
    "header alone": (HEADER, "no trailer"),
    "garbage": (bytes(range(200)), "Not an OM file"),
    "text": (b"once upon a time, in a land without weather", "Not an OM file"),
    "version 4": (b"OM\4" + bytes(60), "Not an OM file"),
    "version 0": (b"OM\0" + bytes(60), "Not an OM file"),
    "no trailer": (om_file(array())[:-24], "no trailer"),
    "trailer cut off": (om_file(array())[:-1], "no trailer"),
    "root offset behind the end": (om_file(array(), root=(BIG, 8)), "behind the end"),
    "root ends behind the end": (om_file(array(), root=(START, BIG)), "behind the end"),
    "root end overflows": (om_file(array(), root=(START, 2**64 - 8)), "behind the end"),
    "root of no bytes": (om_file(array(), root=(START, 0)), "8 bytes"),
}


@pytest.mark.parametrize("case", TRAILERS)
@pytest.mark.guarantee(n=7)
def test_trailers(tmp_path, case):
    content, text = TRAILERS[case]
    assert text in str(refusal(tmp_path, content))


LEGACY = {
    "header cut off": (legacy()[:39], "too small"),
    "scale 0": (legacy(scale=0), "scale_factor"),
    "scale NaN": (legacy(version=1, scale=NAN), "scale_factor"),
    "unknown compression": (legacy(compression=4), "compression"),
    "dimension 0": (legacy(dims=(2, 0), chunks=(1, 0)), "dimensions"),
    "chunk 0": (legacy(chunks=(1, 0)), "chunk lengths"),
    "chunk too long": (legacy(chunks=(3, 2)), "chunk lengths"),
    "dimensions overflow": (legacy(dims=(2**33, 2**33), chunks=(2**33, 2**33)), "dimensions"),
    "table behind the end": (legacy(dims=(2000, 2)), "look-up table"),
    "chunk behind the end": (legacy(ends=(3, 7)), "look-up table"),
    "descending": (legacy(ends=(4, 3)), "look-up table"),
    "empty chunk": (legacy(ends=(3, 3)), "look-up table"),
    "end 0": (legacy(ends=(0, 6)), "look-up table"),
    "negative": (legacy(ends=(-1, 6)), "look-up table"),
    "too many elements": (legacy(dims=(2, 2**20), chunks=(1, 2**20)), "dimensions"),
}


@pytest.mark.parametrize("case", LEGACY)
@pytest.mark.guarantee(n=7)
def test_legacy_files(tmp_path, case):
    content, text = LEGACY[case]
    assert text in str(refusal(tmp_path, content))


@pytest.mark.guarantee(n=6)
def test_a_record_among_its_own_ancestors(tmp_path):
    own = small(children=[(25, START)])
    assert len(own) == 25
    assert "ancestor" in refusal(tmp_path, om_file(own)).reason
    pair = small(children=[(25, START + 32)]), small(children=[(25, START)])
    assert "ancestor" in refusal(tmp_path, om_file(*pair)).reason
    with OmFileReader(om_file(*pair)) as root, pytest.raises(OmFormatError, match="ancestor"):
        root.children[0].children  # noqa: B018


def test_an_array_that_is_its_own_child(tmp_path):
    record = array(children=[(73, START)])
    assert len(record) == 73
    assert "ancestor" in refusal(tmp_path, om_file(record)).reason


def doubled(n_levels):
    """Each variable twice the child of the next: 2**n_levels paths in a small file."""
    records = [small(INT16, value=b"\1\0")]
    place = START
    for _ in range(n_levels):
        size = len(records[-1])
        records.append(small(children=[(size, place)] * 2))
        place += -(-size // 8) * 8
    return om_file(*records)


@pytest.mark.timing
@pytest.mark.guarantee(n=6)
def test_shared_children_do_not_multiply():
    content = doubled(200)
    assert len(content) < 10_000
    start = time.process_time()
    with OmFileReader(content) as root:
        assert "more than" in root.tree()
        assert "more than" in root._repr_html_()
        with pytest.raises((OmFormatError, MemoryError)):
            root._get_flat_variable_metadata()
        assert list(root) == ["g"]
    assert time.process_time() - start < 30


@pytest.mark.timing
def test_a_long_string_that_is_many_children():
    """Opening a child must not cost what its value is long, or the time grows with the square of the file."""
    string = small(STRING_SCALAR, value=u64(400_000) + b"a" * 400_000, name=b"s")
    content = om_file(string, small(children=[(len(string), START)] * 25_000))
    start = time.process_time()
    with OmFileReader(content) as root:
        root.tree()
        root._repr_html_()
        assert list(root) == ["s"]
        assert len(root._get_flat_variable_metadata()) == 2
        assert len(root.attrs["s"]) == 400_000
    assert time.process_time() - start < 5  # about 0.1 seconds if it is so, 25 if not


def chain(places):
    """Groups one inside the other; `places` numbers their records in the file, from the root inwards."""
    offsets = [8 + 32 * place for place in places]
    content = bytearray(HEADER + bytes(5 + 32 * len(places)))
    record = small()
    for offset in reversed(offsets):
        content[offset : offset + len(record)] = record
        root = (offset, len(record))
        record = small(children=[(len(record), offset)])
    return bytes(content) + b"OM\3\0" + bytes(4) + u64(*root)


ORDERS = {
    "children first": lambda n: range(n)[::-1],
    "parents first": range,
    "from both ends": lambda n: [at // 2 if at % 2 == 0 else n - 1 - at // 2 for at in range(n)],
}


@pytest.mark.timing
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.guarantee(n=6)
def test_1_000_levels_are_read_and_written(order, tmp_path):
    content = chain(ORDERS[order](1_000))
    with OmFileReader(content) as root, OmFileWriter(tmp_path / "copy.om") as writer:
        node = root
        for _ in range(999):
            node = node.get_child_by_index(0)
        assert node.num_children == 0
        assert pickle.loads(pickle.dumps(node)).num_children == 0
        assert len(root._get_flat_variable_metadata()) == 1_000
        assert len(list(root.walk())) == 1_000
        assert len(root.tree().splitlines()) == 1_000
        assert root._repr_html_().count("<summary>") == 1_000
        assert omfiles.verify(content).n_variables == 1_000
        copy_file(root, writer)
    assert omfiles.verify(tmp_path / "copy.om").n_variables == 1_000


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.guarantee(n=6)
def test_more_levels_are_refused(order, tmp_path):
    content = chain(ORDERS[order](100_000))
    message = "child 0 is at level 1001; trees of more than 1000 levels are not supported"
    with OmFileReader(content) as root:
        node = root
        for _ in range(999):
            node = node.get_child_by_index(0)
        walks = [
            lambda: node.get_child_by_index(0),
            lambda: node.children,
            root._get_flat_variable_metadata,
            lambda: list(root.walk()),
            root.tree,
            root._repr_html_,
        ]
        for walk in walks:
            with pytest.raises(OmFormatError, match=message):
                walk()
        with pytest.raises(OmFormatError, match=message), OmFileWriter(tmp_path / "copy.om") as writer:
            copy_file(root, writer)
        assert not (tmp_path / "copy.om").exists()
        assert len(list(root.walk(999))) == 1_000
    [problem] = omfiles.verify(content).problems
    assert message in problem.message


def test_levels_that_are_not_written(tmp_path):
    with OmFileWriter(tmp_path / "deep.om") as writer:
        variable = writer.write_scalar(1, "leaf")
        for _ in range(999):
            variable = writer.write_group("g", [variable])
        for write in (
            lambda: writer.write_group("top", [variable]),
            lambda: writer.write_array(np.zeros(3), [3], name="top", children=[variable]),
            lambda: writer.write_scalar(1, "top", [variable]),
            lambda: writer.write_array_streaming([3], [3], [], np.int8, name="top", children=[variable]),
        ):
            with pytest.raises(ValueError, match="'top' would have 1001 levels; trees of more than 1000"):
                write()
        writer.close(variable)
    assert omfiles.verify(tmp_path / "deep.om").n_variables == 1_000


FIELDS = {
    "array": (om_file(array()), [*range(START, START + 73)]),
    "group": (om_file(array(), small(children=[(57, START)])), [*range(START, START + 57), *range(80, 105)]),
    "string": (om_file(small(STRING_SCALAR, value=u64(2) + b"hi")), [*range(START, START + 19)]),
    "legacy": (legacy(), [*range(62)]),
}


@pytest.mark.parametrize("kind", FIELDS)
@pytest.mark.parametrize("value", HUGE)
@pytest.mark.guarantee(n=4)
def test_huge_numbers_everywhere(kind, value):
    """At every byte, as 2, 4 and 8 bytes: a format error, or a file that is none the worse."""
    content, places = FIELDS[kind]
    trailer = [len(content) - 16, len(content) - 8] if kind != "legacy" else []
    for place in places + trailer:
        for width in (2, 4, 8):
            damaged = bytearray(content)
            damaged[place : place + width] = u64(value)[:width]
            with suppress(OmFormatError, MemoryError):
                read_everything(bytes(damaged[: len(content)]))


@pytest.mark.parametrize("content", [om_file(array()), legacy()], ids=["version 3", "legacy"])
@pytest.mark.guarantee(n=1)
@pytest.mark.guarantee(n=7)
def test_truncation_at_every_byte(tmp_path, content):
    for size in range(len(content)):
        refusal(tmp_path, content[:size])


@pytest.mark.parametrize("content", [om_file(array()), legacy()], ids=["version 3", "legacy"])
@pytest.mark.guarantee(n=1)
@pytest.mark.guarantee(n=8)
def test_every_flipped_bit(content):
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        with suppress(OmFormatError, MemoryError):
            read_everything(bytes(damaged))


@pytest.mark.guarantee(n=5)
def test_large_claims_take_no_memory():
    """A chunk that the file could hold, an array that memory could not: found before it is allocated."""
    body = bytes(2**20)
    lut = bytes.fromhex("03 d8 00 00 10".replace(" ", ""))
    record = array(12, dims=(2**26,), chunks=(2**26,), lut=(len(lut), 3 + len(body)))
    content = om_file(record, body=body + lut)
    with OmFileReader(content) as reader:
        assert reader.shape == (2**26,)
        with pytest.raises(OmFormatError):
            reader[...]
