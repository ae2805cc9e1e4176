# SPDX-License-Identifier: MIT
"""Seeds of all fuzz targets from the golden data: python make_seeds.py golden_folder seeds_folder

Each target takes its parameters from the front of the input; what is written here follows the `take` calls there.
"""

import json
import struct
import sys
from pathlib import Path

# By kind and width of the streams, in the order of fuzz.c: which of the codecs there have such chunks.
CODECS = {
    ("delta", 8): [1],
    ("delta", 16): [3],
    ("delta", 32): [5],
    ("delta", 64): [7],
    ("zigzag", 8): [0],
    ("zigzag", 16): [2, 12, 13],
    ("zigzag", 32): [4, 8],
    ("zigzag", 64): [6, 9],
    ("xor", 32): [10],
    ("xor", 64): [11],
}
SCALE_AND_OFFSET = struct.pack("<2f", 20, 1.5)
FILES_UP_TO = 8_000  # bytes: more executions are worth more than long files


def shapes(n: int) -> list[list[int]]:
    """A row, and rows below one another."""
    found = [[n]]
    for n_cols in (5, 16, 300):
        if n > n_cols and n % n_cols == 0:
            found.append([n // n_cols, n_cols])
    if n % 8 == 0 and n > 8:
        found.append([2, n // 8, 4])
    return found


def chunk(codec: int, shape: list[int]) -> bytes:
    return bytes([codec, len(shape) - 1]) + b"".join(struct.pack("<H", size - 1) for size in shape)


def selection(shape: list[int], part: bool) -> bytes:
    """All elements, or a part that lies backwards and with gaps in memory."""
    if part:
        return b"\1" + b"".join(struct.pack("<BHHH", 6, size // 3, 1, size // 2) for size in reversed(shape))
    return b"\0" + b"".join(struct.pack("<BHH", 1, 0, size - 1) for size in reversed(shape))


def seeds_of_streams(golden: Path):
    for number, entry in enumerate(json.loads((golden / "streams.json").read_text())):
        kind, width = entry["stream"], entry["width"]
        n, data = len(entry["values"]), bytes.fromhex(entry["bytes"])
        stream = bytes([list(CODECS).index((kind, width))]) + struct.pack("<H", n)
        yield "decode_stream", number, stream + data
        yield "small_output", number, b"\0" + stream + struct.pack("<H", n * width // 8 + 17) + data
        values = b"".join(int(value).to_bytes(width // 8, "little") for value in entry["values"])
        for codec in CODECS[kind, width]:
            for shape in shapes(n):
                name = f"{number}-{codec}-{len(shape)}-{shape[-1]}"
                start, part = chunk(codec, shape), selection(shape, number % 2 == 1)
                piece = struct.pack("<H", 100 if number % 3 else 5000)
                yield "decode_chunk", name, start + SCALE_AND_OFFSET + piece + part + data
                yield "round_trip", name, start + part + bytes([number % 4]) + values
                # Three forms: side by side, with gaps, with values that do not fit.
                form = bytes([number % 2]) + piece + bytes([number % 3, number % 2])
                yield "encode", name, start + SCALE_AND_OFFSET + form + values
                enough = bytes([1]) * (5 * len(shape)) + b"\0" + b"\1" * 2 + struct.pack("<H", 1 << 14)
                yield "small_output", name, b"\1" + start + enough + data


def seeds_of_files(golden: Path):
    for path in sorted((golden / "files").glob("*.om")):
        content = path.read_bytes()
        if len(content) > FILES_UP_TO:
            continue
        yield "parse_metadata", path.stem, content
        for name, parameters in {"all": b"\1" * 32, "some": bytes(range(1, 33)), "steps": b"\7\1\0\2\0" * 6}.items():
            yield "read_plan", f"{path.stem}-{name}", parameters.ljust(32, b"\0") + content


def seeds_of_numbers():
    """Small numbers, and each way to have a large one, for selections, records and tables."""
    for number in range(256):
        yield "small_output", f"plan-{number}", bytes([2, number % 3]) + bytes([5, 3, 0, 2, 1, 2, number, 0, 1] * 4)
        yield "small_output", f"record-{number}", bytes([3, number % 2, number, 1, 4, 0, number % 24, 4])


def main() -> None:
    golden, seeds = map(Path, sys.argv[1:])
    for sources in (seeds_of_streams(golden), seeds_of_files(golden), seeds_of_numbers()):
        for target, name, content in sources:
            (seeds / target).mkdir(parents=True, exist_ok=True)
            (seeds / target / str(name)).write_bytes(content)


if __name__ == "__main__":
    main()
