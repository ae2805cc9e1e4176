# SPDX-License-Identifier: MIT
"""Damage golden files at random and read them: ``damage_worker.py golden_folder own_folder seed count``.

Ends with status 0 if every one was read or refused as it should be.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # its threads would take the memory that is left to us

import faulthandler
import resource
import signal
import sys
from pathlib import Path

import numpy as np

import omfiles
from omfiles import OmFileReader, OmFormatError

MEMORY = 2 << 30
SECONDS = 20


def damage(rng, content):
    """Change, cut, or shuffle; the ends of the file, where records and trailer are, more often than the rest."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        near_end = rng.random() < 0.6
        low = max(0, len(content) - 400) if near_end else 0
        place = int(rng.integers(low, max(low + 1, len(content))))
        kind = rng.integers(0, 7)
        if kind == 0:
            content[place : place + 1] = bytes(rng.integers(0, 256, 1, "u1"))
        elif kind == 1 and place < len(content):
            content[place] ^= 1 << int(rng.integers(0, 8))
        elif kind == 2:
            number = int(rng.choice([0, 1, 2**7, 2**15, 2**16, 2**28, 2**31, 2**32 - 1, 2**60, 2**63, 2**64 - 1]))
            width = int(rng.choice([2, 4, 8]))
            content[place : place + width] = (number % (1 << 8 * width)).to_bytes(width, "little")
        elif kind == 3:
            content[place : place + 8] = int(rng.integers(0, len(content) + 2)).to_bytes(8, "little")
        elif kind == 4:
            del content[place : place + int(rng.integers(1, 20))]
        elif kind == 5:
            source = int(rng.integers(0, max(1, len(content))))
            content[place : place + 16] = content[source : source + 16]
        elif kind == 6 and rng.random() < 0.2:
            del content[place:]
    return bytes(content)


def read_everything(source):
    with OmFileReader(source) as root:
        root.tree()
        root._get_flat_variable_metadata()
        variables = [root]
        n_opened = 0
        while variables and n_opened < 10_000:
            variable = variables.pop()
            n_opened += 1
            variables += variable.children[:100]
            if variable.is_array:
                variable[(0,) * variable.ndim]
                variable[..., ::-3]
                variable[...]


def main():
    golden, own, seed, count = sys.argv[1:]
    path = Path(own) / "damaged.om"
    faulthandler.enable()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    files = [file.read_bytes() for file in sorted(Path(golden).glob("*.om"))]
    # The end of a file is read when it is opened; most of this one is not.
    noise = np.random.default_rng(0).integers(0, 1000, (300, 200), "i4")
    omfiles.save(path, noise, chunks=(7, 9))
    files += [path.read_bytes()] * 10
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    n_refused = 0
    for number in range(int(count)):
        rng = np.random.default_rng([int(seed), number])
        content = damage(rng, files[rng.integers(len(files))])
        signal.alarm(SECONDS)
        try:
            if number % 4:
                read_everything(content)
            else:
                path.write_bytes(content)
                read_everything(path)
        except OmFormatError as error:
            n_refused += 1
            if error.offset is None or not 0 <= error.offset <= len(content) or not error.field:
                sys.exit(f"seed {seed}, number {number}: no place in {error}")
        except MemoryError:
            n_refused += 1
        except BaseException:
            print(f"seed {seed}, number {number}", flush=True)
            raise
        signal.alarm(0)
    if not int(count) / 10 < n_refused < int(count):
        sys.exit(f"{n_refused} of {count} were refused: this damage proves nothing")


if __name__ == "__main__":
    main()
