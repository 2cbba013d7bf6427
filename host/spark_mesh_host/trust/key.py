"""The host's own key pair, by which its user logs in to the other Sparks."""

import contextlib
import re

from ..files import Text
from ..process import Result
from ..record import read_record
from ..say import Problem
from .home import Home


def ensure_key(home: Home) -> str:
    """
    The public key of this host, `ssh-ed25519 AAAA...`. A pair is kept while it is whole, is the one that the record speaks
    of, and nobody asked for a new one.
    """
    public = public_key(home)
    recorded = read_record(home.files, f"{home.own}/record.json").get("publicKey")
    asked = home.files.stat(f"{home.own}/rotate") is not None
    if public and not asked and recorded in (None, public) and is_whole(home, public):
        return public
    return _make(home)


def public_key(home: Home) -> str | None:
    """The public half without its comment; None where there is none of our kind."""
    path = f"{home.own}/id_ed25519.pub"
    found = home.files.stat(path)
    line = (home.files.text(path) or "").split("\n")[0] if found and found.kind == "file" else ""
    return _key_in(line)


def is_whole(home: Home, public: str) -> bool:
    """Whether both halves are there and belong together."""
    path = f"{home.own}/id_ed25519"
    found = home.files.stat(path)
    if found is None or found.kind != "file":
        return False
    # ssh-keygen reads no private half that others can read.
    home.keep_mode(path, 0o600)
    told = _keygen(home, "-y", "-P", "", "-f", home.absolute(path))
    return told.code == 0 and _key_in(told.out) == public


def _make(home: Home) -> str:
    """Between the two renames the halves differ, which the next run mends."""
    path = f"{home.own}/id_ed25519"
    new = f"{home.own}/new"
    comment = f"spark-mesh:{home.machine.host}"
    try:
        _remove_new(home, new)
        made = _keygen(home, "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", home.absolute(new))
        private, public = home.files.read(new), home.files.read(f"{new}.pub")
        key = _key_in((public or b"").decode(errors="replace"))
        if made.code != 0 or not private or not public or key is None:
            said = made.said.rpartition(": ")[2] or f"ssh-keygen ended with status {made.code}"
            raise Problem(
                f"~{path}: can't be written: {said}; make it writable, with room on its disk, and run the command again"
            )
        # Its copy needs the room.
        _remove_new(home, new)
        home.files.write_all([Text(path, private, 0o600), Text(f"{path}.pub", public, 0o644)])
    finally:
        with contextlib.suppress(Problem):
            _remove_new(home, new)
    home.files.remove(f"{home.own}/rotate")
    return key


def _remove_new(home: Home, new: str) -> None:
    for path in (new, f"{new}.pub"):
        home.files.remove(path)


def _keygen(home: Home, *words: str) -> Result:
    result = home.machine.run(["ssh-keygen", *words])
    if result.code == 127:
        raise Problem("ssh-keygen not found; install openssh-client, then run the command again")
    return result


def _key_in(line: str) -> str | None:
    key = " ".join(line.split()[:2])
    return key if re.fullmatch(r"ssh-ed25519 [A-Za-z0-9+/]+={0,2}", key) else None
