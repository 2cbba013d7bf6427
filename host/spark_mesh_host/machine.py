"""A Spark as the program touches it: its files, its processes, its clock. Tests give another."""

import os
import pwd
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .files import Tree
from .process import Runner, run
from .say import Problem, say


@dataclass(frozen=True)
class Account:
    """A user, as passwd has it: what ssh and sshd go by, whatever the environment says."""

    name: str
    uid: int
    gid: int
    home: str


def own_account() -> Account:
    """Whoever this program runs as."""
    return _account(os.getuid())


def login_account() -> Account:
    """Whoever logged in: under sudo the user who called it."""
    uid = os.environ.get("SUDO_UID", "") if os.geteuid() == 0 else ""
    return _account(int(uid) if uid.isdecimal() else os.getuid())


def _account(uid: int) -> Account:
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        raise Problem(f"user {uid}: found no entry in passwd, wanted one with a home") from None
    return Account(found.pw_name, found.pw_uid, found.pw_gid, found.pw_dir)


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
    account: Callable[[], Account] = own_account
    login: Callable[[], Account] = login_account
    program: str = field(default_factory=lambda: os.path.realpath(sys.argv[0]))
    """The file of this program. sudo starts one whose digest it knows by a descriptor, which no child has."""

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
