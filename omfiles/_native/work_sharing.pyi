# SPDX-License-Identifier: MIT
from collections.abc import Callable

from typing_extensions import disjoint_base

@disjoint_base
class Crew:
    def __init__(self, work: Callable[[], object]) -> None: ...
    def help(self) -> None: ...
    def run(self, hire: Callable[[], object]) -> None: ...
