"""
A change of the network that was staged and never confirmed, on a host that has no other: a run that was cut left it, and no
state knows of it. Its own program puts everything back; it would do so by itself, once its time is over.
"""

import re

from .machine import Machine
from .record import STATE, read_record
from .say import Problem
from .spec import Head

ARMED = f"{STATE}/armed.json"
FILES = ("rolled-back.json", "record.json.new")
FOLDERS = ("tx", "original", "original.new")
SECONDS = 180
"""netplan may take a minute, twice."""


def forget_unconfirmed(machine: Machine, spec: Head) -> None:
    """
    Puts back what a staged change of this stack's made, and forgets it. Where a change was ever confirmed nothing is done: its
    own deletion has to come. To be called with the host's lock held, so that no operation is under way.
    """
    if machine.files.stat(f"{STATE}/record.json") is not None:
        return
    armed = read_record(machine.files, ARMED)
    if armed:
        if armed.get("stack") != spec.stack:
            return
        _roll_back(machine, str(armed.get("transaction")))
    for name in FILES:
        machine.files.remove(f"{STATE}/{name}")
    for name in FOLDERS:
        machine.files.remove_tree(f"{STATE}/{name}")


def _roll_back(machine: Machine, transaction: str) -> None:
    if not re.fullmatch(r"[0-9]{8}T[0-9]{6}Z?-[0-9a-f]+", transaction):
        raise Problem(f"{ARMED}: found no transaction in it, wanted one; it puts itself back at the next boot: reboot")
    done = machine.run(["/bin/bash", f"{STATE}/tx/{transaction}/rollback", "leave"], seconds=SECONDS)
    if done.code != 0 or machine.files.stat(ARMED) is not None:
        raise Problem(
            f"the network's change {transaction} can't be put back: {done.said or f'status {done.code}'};"
            " it puts itself back at the next boot: reboot, then run the command again"
        )
