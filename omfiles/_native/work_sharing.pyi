# SPDX-License-Identifier: MIT
from collections.abc import Callable

from typing_extensions import disjoint_base

@disjoint_base
class WorkSharing:
    def __init__(self, work: Callable[[], object]) -> None: ...
    def join(self) -> None: ...
    def run(self, start_workers: Callable[[], object]) -> None: ...
