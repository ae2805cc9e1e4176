# SPDX-License-Identifier: MIT
"""Bars for what takes longer than a second: how much is done, how fast, how long it still takes."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from types import TracebackType
from typing import Any

from omfiles._cli.common import rich_is_there, size_text

__all__ = ["Progress"]

DELAY = 1.0
"""Seconds after which a bar appears."""
INTERVAL = 0.1
"""Seconds between two changes of it."""


class Progress:
    """A bar on stderr while something is going on; none if that is no terminal, or if it is done within a second.

    Parameters
    ----------
    what : str
        What is going on.
    total : float
        How many bytes there are; may be set later.

    Examples
    --------
    >>> with Progress("reading", total=3e6) as progress:
    ...     progress(1_000_000)
    """

    def __init__(self, what: str, total: float = 0) -> None:
        self._what = what
        self.total = total
        self._done = 0.0
        self._lock = threading.Lock()
        self._begin = time.monotonic()
        self._next = self._begin + DELAY if sys.stderr.isatty() else float("inf")
        self._bar: _PlainBar | _RichBar | None = None

    def __call__(self, n: float) -> None:
        """So much more is done; threads may say so."""
        with self._lock:
            self._advance(n)

    def _advance(self, n: float) -> None:
        self._done += n
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + INTERVAL
        if self._bar is None:
            self._bar = _RichBar(self._what) if rich_is_there() else _PlainBar()
        rate = self._done / (now - self._begin)
        left = max(self.total - self._done, 0) / rate
        text = f"{size_text(rate)}/s  {duration_text(left)} left"
        self._bar.show(self._what, min(self._done / max(self.total, 1), 1.0), text)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


class _PlainBar:
    """A line that is written again and again."""

    def show(self, what: str, share: float, text: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        room = max(5, min(40, width - len(what) - len(text) - 12))
        full = round(share * room)
        line = f"{what}  [{'#' * full}{'.' * (room - full)}] {share:4.0%}  {text}"
        print(f"\r{line[:width]}\x1b[K", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class _RichBar:
    def __init__(self, what: str, total: float = 0) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        columns = [
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[text]}"),
        ]
        self._bar: Any = Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
        self._task = self._bar.add_task(what, total=1.0, text="")
        self._bar.start()

    def show(self, what: str, share: float, text: str) -> None:
        self._bar.update(self._task, completed=share, text=text)
        self._bar.refresh()

    def close(self) -> None:
        self._bar.stop()


def duration_text(seconds: float) -> str:
    """Seconds as people read them.

    Examples
    --------
    >>> duration_text(7.2), duration_text(75), duration_text(3720)
    ('7 s', '1:15 min', '1:02 h')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02} h"
