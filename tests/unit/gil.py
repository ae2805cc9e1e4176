# SPDX-License-Identifier: MIT
"""Whether another thread runs during a call, without a look at the clock."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable


def lets_others_run(call: Callable[[], object], turns: int) -> bool:
    """Tell whether another thread gets that many turns, half a millisecond apart, during one of up to 100 calls.

    Python itself takes the GIL from nobody meanwhile, so each turn shows that the call had released it. Several calls:
    on a busy machine the other thread may wait for a core longer than one takes.
    """
    n = 0
    done = threading.Event()

    def count() -> None:
        nonlocal n
        while not done.is_set():
            n += 1
            time.sleep(5e-4)

    interval = sys.getswitchinterval()
    thread = threading.Thread(target=count)
    thread.start()
    sys.setswitchinterval(1000)
    try:
        for _ in range(100):
            before = n
            call()
            if n - before >= turns:
                return True
        return False
    finally:
        done.set()
        sys.setswitchinterval(interval)
        thread.join()
