"""A Spark as the program touches it: its files, its processes, its clock. Tests give another."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .files import Tree
from .process import Runner, run
from .say import say


@dataclass
class Machine:
    """Everything outside of this program. `host` is the Spark's name in the mesh, which every message begins with."""

    host: str
    files: Tree = field(default_factory=Tree)
    run: Runner = run
    now: Callable[[], float] = time.time
    """Seconds since the epoch."""
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def say(self, text: str) -> None:
        """Says a line to whoever runs the operation."""
        say(self.host, text)

    def within(self, seconds: float, holds: Callable[[], bool]) -> bool:
        """Whether it holds, now or within `seconds`."""
        end = self.monotonic() + seconds
        while not holds():
            if self.monotonic() >= end:
                return False
            self.sleep(0.3)
        return True

    def new_transaction(self) -> str:
        """An id that sorts by time and that no other change has, e.g. `20261130T220501Z-0a1b2c3d`."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self.now()))
        return f"{stamp}-{secrets.token_hex(4)}"
