"""Our lines in a file of ~/.ssh, between two markers. All other bytes there are not ours."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..say import Problem

FILES = ("authorized_keys", "known_hosts", "config")
"""The files of ~/.ssh that get a block."""
# A line of these stands by itself; one of config means what the lines above it say.
LINEWISE = ("authorized_keys", "known_hosts")
BEGIN = b"# BEGIN spark-mesh:"
END = b"# END spark-mesh"


@dataclass(frozen=True)
class Parts:
    """A file's bytes: those before our block, the block, those after it."""

    before: bytes
    block: bytes
    """Empty where there is none."""
    after: bytes

    @property
    def foreign(self) -> bytes:
        return self.before + self.after


def take_apart(shown: str, data: bytes) -> Parts:
    """Raises Problem where nobody can tell what is ours. `shown` is the file, for people."""
    lines = _lines(data)
    marks = [(at, _mark(line)) for at, line in enumerate(lines) if _mark(line)]
    if not marks:
        return Parts(data, b"", b"")
    if [mark for _, mark in marks] != ["begin", "end"]:
        raise Problem(
            f'{shown}: found lines "# BEGIN spark-mesh" and "# END spark-mesh", wanted one of each in this order;'
            " take them out by hand with the lines between them that are not yours, then run the command again"
        )
    first, last = marks[0][0], marks[1][0] + 1
    return Parts(b"".join(lines[:first]), b"".join(lines[first:last]), b"".join(lines[last:]))


def _mark(line: bytes) -> str:
    if line.startswith(BEGIN):
        return "begin"
    return "end" if line.rstrip(b"\n") == END else ""


@dataclass(frozen=True)
class Without:
    """A file's bytes without our change."""

    data: bytes
    remark: str = ""
    """What became of lines that may be somebody else's, for people. Ours are to be kept beside the file then."""


def put_back(name: str, parts: Parts, written: Sequence[str]) -> Without:
    """
    What somebody else wrote in our block since stays.

    `written` is what we wrote there, the last one last, as far as it is remembered.
    """
    lines = _lines(parts.block)[1:-1]
    if any(parts.block.rstrip(b"\n") == text.encode().rstrip(b"\n") for text in written):
        return Without(parts.foreign)
    if not written:
        # A key that isn't marked as ours may be the one that somebody gets in by.
        theirs = [line for line in lines if name == "authorized_keys" and b" spark-mesh:" not in line]
        return Without(
            parts.before + b"".join(theirs) + parts.after,
            "our block was taken out, and nothing is left that tells whether somebody else changed it; it is",
        )
    if name not in LINEWISE:
        # Single lines of theirs would mean something else without ours around them.
        return Without(
            parts.before + parts.block + parts.after,
            "our block was changed by somebody else since the last run, and stays; ours is",
        )
    ours = {line for text in written for line in text.encode().split(b"\n")}
    theirs = [line for line in lines if line.rstrip(b"\n") not in ours]
    remark = "lines in our block were changed by somebody else since the last run, and stay; our block is"
    return Without(parts.before + b"".join(theirs) + parts.after, remark if theirs else "")


def _lines(data: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+", data)
