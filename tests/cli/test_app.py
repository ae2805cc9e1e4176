# SPDX-License-Identifier: MIT
"""The program: exit codes, messages, terminals, interrupts."""

from __future__ import annotations

import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
from importlib.metadata import entry_points

import numpy as np
import pytest

import omfiles
from omfiles._cli import app, common, progress
from omfiles.cli import main

PROGRAM = (sys.executable, "-m", "omfiles")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["info", "{folder}/nothing.om"], 1, "No such file or directory: '.*nothing.om'"),
        (["info", "{folder}"], 1, "{folder}"),
        (["info", __file__], 1, "Not an OM file"),
        (["dump", "{weather}"], 2, "say which variable; there are 't2m', 'rain'"),
        (["dump", "{weather}", "t2n"], 2, "no variable 't2n'; did you mean 't2m'"),
        (["info", "{weather}", "xyz"], 2, "no variable 'xyz'; there are 't2m', 'rain'"),
        (["dump", "{weather}", "title"], 2, "'title' is a scalar, and an array is needed"),
        (["dump", "{weather}", "t2m", "--slice", "1:x"], 2, "'1:x' in the slice '1:x' is no index"),
        (["dump", "{weather}", "t2m", "--slice", "::0"], 2, "a step of 0"),
        (
            ["dump", "{weather}", "t2m", "--slice", "48"],
            2,
            "--slice: index 48 is out of bounds for axis 0 with size 48",
        ),
        (["dump", "{weather}", "t2m", "--slice", "0,0,0,0"], 2, "the array has 3 dimensions, but 4 were indexed"),
        (["info", "{weather}", "--storage-option", "anon"], 2, "'anon' is not KEY=VALUE"),
        (["info", "{weather}", "--storage-option", "anon=1"], 1, "storage_options are for URLs"),
        (["info", "nowhere://bucket/x.om"], 1, "nowhere"),
        (["convert", "{weather}", "{weather}"], 1, "exists; --force replaces it"),
        (["convert", "{weather}", "{folder}/x.txt"], 2, "does not tell the format.*--to says which"),
        (["convert", "{weather}", "{folder}/no/x.om"], 1, "No such file or directory"),
        (["convert", "{weather}", "{folder}/no/x.nc"], 1, "No such folder"),
        (["convert", "{folder}/a.nc", "{folder}/b.zarr"], 2, "one must be .om"),
        (["convert", "{folder}/a.nc", "{folder}/b.om"], 1, "No such file or directory: '.*a.nc'"),
        (["convert", "{weather}", "{folder}/b.nc", "--scale-factor", "3"], 2, "are for .om files as output"),
        (["convert", "{weather}", "{folder}/b.om", "--chunks", "0,3"], 2, "'0,3' is neither 'auto'"),
        (["convert", "{weather}", "{folder}/b.om", "--chunks", "t2n:3,3,3"], 2, "variable 't2n'; did you mean 't2m'"),
        (["convert", "{weather}", "{folder}/b.om", "--chunks", "t2m:x=3"], 2, "no dimension 'x'; there are 'time'"),
        (["convert", "{weather}", "{folder}/b.om", "--compression", "zip"], 2, "'zip' is none of pfor"),
        (["convert", "{weather}", "{folder}/b.om", "--compression", "pfor_delta_2d"], 2, "--precision STEP is needed"),
        (["convert", "{weather}", "{folder}/b.om", "--scale-factor", "x"], 2, "'x' is no number"),
        (["convert", "{weather}", "{folder}/b.om", "--memory", "much"], 2, "'much' is no size"),
        (["extract", "{weather}", "{folder}/b.om", "--bbox", "1,2,3"], 2, "is not W,S,E,N"),
        (["extract", "{weather}", "{folder}/b.om", "--bbox", "-5,50,5,40"], 2, "must ascend"),
        (["extract", "{weather}", "{folder}/b.om", "--bbox", "-90,0,-80,10"], 1, "no grid point is in the box"),
        (["extract", "{weather}", "{folder}/b.om", "--time", "yesterday"], 2, "'yesterday' is no time"),
        (["extract", "{weather}", "{folder}/b.om", "--time", "2030"], 1, "go from 2026-11-01T00:00:00"),
        (["extract", "{weather}", "{folder}/b.om", "--var", "t2n"], 2, "did you mean 't2m'"),
        (["plot", "{weather}", "-o", "{folder}/x.png"], 2, "say which variable; there are 't2m', 'rain'"),
        (["plot", "{weather}", "t2m", "-o", "{folder}/x.doc"], 2, "pictures cannot be 'doc'"),
        (["plot", "{weather}", "t2m", "--cmap", "pretty", "-o", "{folder}/x.png"], 2, "no colours named 'pretty'"),
        (["plot", "{weather}", "t2m", "--point", "91,0"], 2, "no place LAT,LON"),
        (["plot", "{weather}", "t2m", "--slice", ":", "-o", "{folder}/x.png"], 2, "has 3 dimensions left"),
        (["nonsense"], 2, "invalid choice: 'nonsense'"),
        ([], 2, "COMMAND"),
    ],
)
def test_mistakes_are_told_in_one_line(run, weather, tmp_path, arguments, code, message):
    places = {"weather": weather, "folder": tmp_path}
    done = run(*(argument.format(**places) for argument in arguments))
    assert done.code == code, done
    assert done.out == ""
    assert re.search(message.format(**places), done.err.splitlines()[-1]), done.err
    assert "Traceback" not in done.err
    if not done.err.startswith("usage:"):
        assert len(done.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "module", "extra"),
    [
        (["convert", "{weather}", "{folder}/b.nc"], "xarray", "xarray"),
        (["convert", "{weather}", "{folder}/b.zarr"], "zarr", "zarr"),
        (["plot", "{weather}", "t2m"], "matplotlib", "plot"),
        (["convert", __file__, "{folder}/b.om", "--from", "grib"], "cfgrib", "grib"),
    ],
)
def test_what_is_not_installed_is_named(run, weather, tmp_path, monkeypatch, command, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    done = run(*(part.format(weather=weather, folder=tmp_path) for part in command))
    assert done.code == 1
    assert f"needs {module}: pip install 'omfiles[{extra}]'" in done.err


def test_errors_nobody_thought_of_name_their_class(run, weather, monkeypatch):
    def fail(path, **options):
        raise ZeroDivisionError("surprise")

    monkeypatch.setattr(omfiles, "open", fail)
    assert run("ls", weather).err == "omfiles ls: ZeroDivisionError: surprise\n"
    with pytest.raises(ZeroDivisionError):
        run("--debug", "ls", weather)


def test_an_interrupt_ends_quietly_and_leaves_nothing(run, weather, tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("omfiles._tools.copy_variables.encoded_parts", interrupted)
    done = run("convert", weather, tmp_path / "copy.om")
    assert done == (130, "", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_examples_in_the_help(run, weather, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^    (\w+)", run("--help").out, re.MULTILINE)
    assert {"info", "verify", "bench"} < set(commands)
    for command in commands:
        program, *example = shlex.split(re.search(r"example:\n  (.*)\n", run(command, "--help").out)[1])
        assert (program, example[0]) == ("omfiles", command)
        assert app._parser().parse_args(app._joined(example)).command == command
        if "weather.om" in example and command != "plot":
            shutil.copy(weather, "weather.om")
            omfiles.write_hashes("weather.om")
            done = run(*example, *["--force"] * (command == "hash"))
            assert done.code == 0, done


@pytest.mark.slow
def test_the_entry_points(weather):
    (script,) = entry_points(group="console_scripts", name="omfiles")
    assert script.load() is main
    shown = subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout == f"omfiles {omfiles.__version__}\n"
    failed = subprocess.run([*PROGRAM, "ls", "nothing.om"], capture_output=True, text=True)
    assert (failed.returncode, failed.stdout) == (1, "")


def test_a_reader_that_goes_away(tmp_path):
    omfiles.save(tmp_path / "numbers.om", np.arange(300_000, dtype="i4"), name="numbers")
    with subprocess.Popen(
        [*PROGRAM, "dump", tmp_path / "numbers.om", "--format", "csv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"dim0,numbers\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_an_interrupt_from_outside(tmp_path):
    omfiles.save(tmp_path / "numbers.om", np.arange(300_000, dtype="i4"), name="numbers")
    with subprocess.Popen(
        [*PROGRAM, "dump", tmp_path / "numbers.om", "--format", "csv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()  # it has begun, and waits for us to read more
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.stderr.read() == b""
    assert process.returncode == 130


# --- terminals --------------------------------------------------------------------------------------------------------


def on_a_terminal(code):
    """Run Python code whose stdout and stderr are a terminal; returns what that shows."""
    parent, child = pty.openpty()
    environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm"}
    with subprocess.Popen([sys.executable, "-c", code], stdout=child, stderr=child, env=environment) as process:
        os.close(child)
        shown = b""
        while True:
            try:
                piece = os.read(parent, 1 << 16)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
    os.close(parent)
    assert process.returncode == 0, shown
    return shown.decode()


SLOW = """
import sys
sys.modules["rich"] = {rich}
from omfiles._cli import progress
progress.DELAY = 0
progress.INTERVAL = 0
with progress.Progress("reading", total=4e6) as bar:
    for _ in range(4):
        bar(1_000_000)
"""


@pytest.mark.parametrize("rich", ["None", "__import__('rich')"])
def test_a_bar_has_rate_and_time_left(rich):
    shown = on_a_terminal(SLOW.format(rich=rich))
    assert "reading" in shown and "50%" in shown
    assert re.search(r"B/s +\d+ s left", shown)


def test_no_bar_where_there_is_no_terminal(monkeypatch, capsys):
    monkeypatch.setattr(progress, "DELAY", 0)
    with progress.Progress("reading", total=10) as bar:
        bar(5)
    assert capsys.readouterr() == ("", "")


def test_no_bar_before_it_is_due():
    assert on_a_terminal(SLOW.format(rich="None").replace("DELAY = 0", "DELAY = 1000")) == ""


def test_tables_on_a_terminal(weather):
    shown = on_a_terminal(f"from omfiles.cli import main; main(['ls', '-l', {str(weather)!r}])")
    assert "pfor_delta_2d" in shown and "\x1b[1m" in shown  # rich makes the header bold


def test_names_do_not_steer_the_terminal(run, tmp_path):
    omfiles.save(tmp_path / "evil.om", np.zeros((2, 2)), name="a\x1b[2Jb")
    for command in ("ls", "info", "tree", "stats"):
        assert "\x1b" not in run(command, tmp_path / "evil.om").out


def test_files_are_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "old.zarr"
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(RuntimeError), common.atomic_output(str(folder), True) as part:
        os.mkdir(part)
        raise RuntimeError
    assert [path.name for path in folder.iterdir()] == ["old"]
    with common.atomic_output(str(folder), True) as part:
        os.mkdir(part)
        open(os.path.join(part, "new"), "w").close()
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["old.zarr"]
