"""One operation at a time: a lock that ends with the process; root's is in a folder of root's alone."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator

from .files import Tree
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

    def make() -> None:
        machine.files.make_folder(LOCK_FOLDER, 0o700)

    with lock(machine, machine.files, LOCK_FILE, make, seconds):
        yield
        if machine.files.stat(STATE) is None:
            machine.files.remove(LOCK_FILE)
            machine.files.remove_folder(LOCK_FOLDER)


@contextlib.contextmanager
def lock(
    machine: Machine, files: Tree, path: str, make: Callable[[], None], seconds: float = SECONDS
) -> Iterator[None]:
    """Holds a lock whose file whoever has it may remove; `make` has its folder there, again if need be."""
    end = machine.monotonic() + seconds
    make()
    descriptor = files.lock_file(path)
    try:
        # Who waited for a file that was removed holds nothing.
        while not (_taken(descriptor) and _is_current(files, path, descriptor)):
            if machine.monotonic() >= end:
                raise Problem("another spark-mesh operation is at work here; wait for it, then run the command again")
            machine.sleep(0.3)
            os.close(descriptor)
            descriptor = -1
            make()
            descriptor = files.lock_file(path)
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_current(files: Tree, path: str, descriptor: int) -> bool:
    found = files.stat(path)
    return found is not None and found.inode == os.fstat(descriptor).st_ino
