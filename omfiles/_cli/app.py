# SPDX-License-Identifier: MIT
"""The parser of all commands, and what becomes of errors."""

from __future__ import annotations

import argparse
import os
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import omfiles
from omfiles._cli import bench, convert, extract, inspection, plot, values, verify
from omfiles._cli.common import FAILED, INTERRUPTED, NO_READER, OK, USAGE, CommandError

__all__ = ["main"]

DESCRIPTION = (
    "Look into .om files, check, convert, cut and draw them. FILE is a path or a URL such as s3://bucket/t2m.om."
)
CODES = """\
exit codes:
  0    done
  1    failed, or problems were found: a line on stderr says what
  2    the command line is wrong
  130  interrupted
  141  whoever read the output has gone

Each command has its own help: omfiles info --help
"""
SIGNED = re.compile(r"-[\d.:]")
"""How a value may begin that is no option."""
TAKE_SIGNED = ("--slice", "--bbox", "--point", "--add-offset", "--scale-factor")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        What follows the name of the program, by default that of this process.

    Returns
    -------
    int
        The exit code; the help says what each one means.

    Examples
    --------
    >>> import numpy as np, omfiles
    >>> from omfiles.cli import main
    >>> omfiles.save("t2m.om", np.zeros((2, 3), "f4"), name="t2m", attrs={"units": "K"})
    >>> main(["tree", "t2m.om"])
    t2m  float32 (2, 3) chunks (2, 3) fpx_xor_2d  {units: 'K'}
    0
    """
    try:
        arguments = _parser().parse_args(_joined(sys.argv[1:] if argv is None else argv))
    except SystemExit as exit:  # argparse has said why
        return exit.code if isinstance(exit.code, int) else USAGE
    try:
        with warnings.catch_warnings():
            _show_warnings()
            code: int = arguments.run(arguments)
            sys.stdout.flush()
            return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What is left in the buffer must not be tried again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO_READER
    except Exception as error:
        if arguments.debug:
            raise
        print(f"omfiles {arguments.command}: {_text(error)}", file=sys.stderr)
        return error.code if isinstance(error, CommandError) else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "omfiles", description=DESCRIPTION, epilog=CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"omfiles {omfiles.__version__}")
    parser.add_argument("--debug", action="store_true", help="show where in the program an error was raised")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in (inspection, values, verify, convert, extract, plot, bench):
        module.add_parsers(commands)
    return parser


def _joined(argv: Sequence[str]) -> list[str]:
    """Join options and values that begin with a minus, such as a longitude, which argparse takes for options."""
    joined: list[str] = []
    for argument in argv:
        if joined and joined[-1] in TAKE_SIGNED and SIGNED.match(argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _show_warnings() -> None:
    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        print(f"omfiles: warning: {_line(str(message))}", file=sys.stderr)

    warnings.showwarning = show  # until the context is left
    warnings.simplefilter("ignore")
    for category in (UserWarning, RuntimeWarning):
        warnings.simplefilter("default", category)


def _text(error: Exception) -> str:
    """One line about an error."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.strerror}: {os.fspath(error.filename)!r}"
    if isinstance(error, FileNotFoundError):  # of fsspec, which says no more than the path
        return f"No such file or directory: {_line(str(error))!r}"
    if isinstance(error, MemoryError):
        return _line(str(error)) or "there is not enough memory"
    if isinstance(error, KeyError) and error.args:
        return _line(str(error.args[0]))
    ours = isinstance(error, (CommandError, omfiles.OmError, ValueError, OSError, ImportError))
    text = _line(str(error))
    return text if ours and text else f"{type(error).__name__}: {text}"


def _line(text: str) -> str:
    return " ".join(text.split())


assert OK == 0  # what argparse returns after --help, and commands after success
