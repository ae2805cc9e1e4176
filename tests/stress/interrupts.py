# SPDX-License-Identifier: MIT
"""Interrupts at each moment at which one can arrive, as Ctrl-C may."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any
from weakref import WeakSet


class Interrupt:
    """Raises `KeyboardInterrupt` at the n-th moment, counted from 0, of a ``with`` block.

    CPython looks for signals when a function of Python begins, behind each call, and at the end of each turn of a loop;
    not between other instructions, and not inside of C.
    """

    def __init__(self, n: int) -> None:
        self._left = n
        self._last: dict[int, int] = {}  # the last instruction of each frame, by the frame's id: not to keep it alive

    @property
    def sent(self) -> bool:
        return self._left < 0

    def __enter__(self) -> Interrupt:
        sys._getframe().f_trace_opcodes = True  # or Python 3.12 tells of none
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        if frame.f_code in NOT_HERE:
            return None
        frame.f_trace_opcodes = True
        if event == "line":  # the opcode follows
            return self._trace
        before = self._last.pop(id(frame), None)
        if event not in ("exception", "return"):  # or it was not completed, or is the last one
            self._last[id(frame)] = frame.f_lasti
        if event == "opcode" and before is not None and looks_for_signals(frame.f_code, before):
            self._left -= 1
            if self._left == -1:
                raise KeyboardInterrupt
        return self._trace


# What arrives in a callback of a weak reference, as of the threads that `threading` knows, Python itself loses.
NOT_HERE = [
    Interrupt.__enter__.__code__,
    Interrupt.__exit__.__code__,
    WeakSet()._remove.__code__,  # type: ignore[attr-defined]
]


def looks_for_signals(code: CodeType, offset: int) -> bool:
    name = dis.opname[code.co_code[offset]]
    calls = name.startswith("CALL") and not name.startswith("CALL_INTRINSIC")  # which is no call
    return calls or name in ("RESUME", "JUMP_BACKWARD")


def at_each_moment(action: Callable[[], object], first: int = 0, step: int = 1) -> Iterator[None]:
    """Do something again and again, interrupted at the first moment, the second, and so on, until there is none left.

    Or only at each `step`-th from `first` on. Yields each time the interrupt has arrived; nothing refers then to what
    the action had.
    """
    n = first
    while True:
        interrupt = Interrupt(n)
        try:
            with interrupt:
                action()
        except KeyboardInterrupt:
            pass
        else:
            assert not interrupt.sent, "it did not arrive"
            assert n > first
            return
        yield
        n += step
