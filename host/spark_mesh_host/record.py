"""Records: what an operation left on the host, readable to all, so that the next preview sees it without root."""

import grp
import hashlib
import json
import pwd
from collections.abc import Sequence

from .files import Tree
from .machine import Machine
from .say import Problem
from .spec import Change, Head

STATE = "/var/lib/spark-mesh"
"""The folder of everything that the program keeps. Readable to all, but for what was others'."""


def read_record(files: Tree, path: str) -> dict[str, object]:
    """A record as JSON; empty where there is none, or none that can be read."""
    try:
        value = json.loads(files.text(path) or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def refuse_other_stack(files: Tree, path: str, head: Head) -> None:
    """Raises Problem where the record is another stack's."""
    owner = read_record(files, path).get("stack")
    if owner not in (None, head.stack):
        raise Problem(
            f"belongs to stack {owner}, found by stack {head.stack};"
            " destroy the one that is to let go, or take this host out of it"
        )


def write_record(
    machine: Machine, path: str, head: Change, *, digest: str, spec: str, files: Sequence[str], changed: bool
) -> None:
    """
    Writes what was made true: with a new transaction's id where something was `changed`, so that the next drift differs from
    the last, and not at all where nothing is new.

    `digest` is that of the desired state, `spec` the text that said it, `files` what was written besides.
    """
    former = read_record(machine.files, path)
    record: dict[str, object] = {
        "version": 1,
        "host": head.host,
        "stack": head.stack,
        "transaction": former.get("transaction"),
        "digest": digest,
        "program": head.program,
        "spec": spec,
        "files": [entry for file in files if (entry := describe(machine, file))],
    }
    if changed or not record["transaction"]:
        record["transaction"] = machine.new_transaction()
    if record != former:
        machine.files.write(path, f"{json.dumps(record, indent=2)}\n", 0o644)


def describe(machine: Machine, path: str) -> dict[str, object] | None:
    """A file for a record: its stat, and the hash that holds as long as the stat does. None where there is none."""
    found = machine.files.stat(path)
    data = machine.files.read(path) if found and found.kind == "file" else None
    if not found or data is None:
        return None
    seconds, nanoseconds = divmod(found.ctime_ns, 1_000_000_000)
    return {
        "path": path,
        "mode": found.mode,
        "owner": f"{user_name(found.uid)}:{group_name(found.gid)}",
        "size": found.size,
        "inode": found.inode,
        "ctime": f"{seconds}.{nanoseconds:09d}",
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def user_name(uid: int) -> str:
    """As `stat` shows it: UNKNOWN where nobody has the number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return "UNKNOWN"


def group_name(gid: int) -> str:
    """Likewise."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return "UNKNOWN"
