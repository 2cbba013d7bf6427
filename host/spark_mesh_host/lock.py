"""One operation of root's at a time: a lock that ends with the process, in a folder of root's alone."""

import contextlib
import fcntl
import os
from collections.abc import Iterator

from .machine import Machine
from .record import STATE
from .say import Problem

LOCK_FOLDER = "/run/spark-mesh"
LOCK_FILE = f"{LOCK_FOLDER}/lock"
SECONDS = 30
"""How long an operation waits for another."""


@contextlib.contextmanager
def host_lock(machine: Machine, seconds: float = SECONDS) -> Iterator[None]:
    """
    Holds the host's lock, whose file goes with the last thing that is ours.

    Raises Problem where another operation holds it for longer than `seconds`.
    """
    end = machine.monotonic() + seconds
    descriptor = _open(machine)
    try:
        # Who waited for a file that was removed holds nothing.
        while not (_taken(descriptor) and _is_current(machine, descriptor)):
            if machine.monotonic() >= end:
                raise Problem("another spark-mesh operation is at work here; wait for it, then run the command again")
            machine.sleep(0.3)
            os.close(descriptor)
            descriptor = _open(machine)
        yield
        if machine.files.stat(STATE) is None:
            machine.files.remove(LOCK_FILE)
            machine.files.remove_folder(LOCK_FOLDER)
    finally:
        os.close(descriptor)


def _open(machine: Machine) -> int:
    machine.files.make_folder(LOCK_FOLDER, 0o700)
    return machine.files.lock_file(LOCK_FILE)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_current(machine: Machine, descriptor: int) -> bool:
    found = machine.files.stat(LOCK_FILE)
    return found is not None and found.inode == os.fstat(descriptor).st_ino
