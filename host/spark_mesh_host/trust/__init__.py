"""
SSH trust between the Sparks: the host's own key pair, and our blocks in the login user's authorized_keys, known_hosts and
config. All of it runs as that user.
"""

import dataclasses
import json

from ..files import Text
from ..machine import Machine
from ..say import Problem, answer
from ..spec import Head, Named
from .blocks import FILES, put_back, take_apart
from .home import OTHERS_WRITE, Home, Memory, find_home
from .key import ensure_key, is_whole, public_key
from .spec import TrustSpec


def make_key(machine: Machine, spec: Head, _text: str = "") -> None:
    """Has a key pair there, and answers with its public half."""
    home = find_home(machine)
    with home.open(spec):
        key = ensure_key(home)
    answer({"publicKey": key})


def make_trust(machine: Machine, spec: TrustSpec, _text: str = "") -> None:
    """
    Makes blocks and modes what the spec says, and records that. All that is new is written beside its target before the first
    takes its name: on a full disk nothing has changed.
    """
    home = find_home(machine)
    if public_key(home) != spec.public_key or not is_whole(home, spec.public_key):
        raise Problem(
            f"~{home.own}/id_ed25519: found another key pair than the one that the other hosts are told of;"
            " run the command again"
        )
    with home.open(spec) as memory:
        blocks: dict[str, str] = dataclasses.asdict(spec.blocks)
        files = {name: home.text(name) for name in FILES}
        texts = [
            _changed(home, target, data, blocks[name].encode() + take_apart(f"~{home.ssh}/{name}", data or b"").foreign)
            for name, (target, data) in files.items()
        ]
        for name in FILES:
            memory.remember(name, blocks[name])
        # What is told apart when it is put back goes before the blocks, what says that they are there comes after them.
        texts = [_own(home, "memory.json", memory.text), *texts, _own(home, "record.json", _render_record(spec))]
        home.files.write_all([text for text in texts if text])
        home.keep_closed([home.ssh, *(target for target, _ in files.values())])
        home.keep_mode(home.own, 0o700)
        home.keep_mode(f"{home.own}/id_ed25519.pub", 0o644)
        for name in ("memory.json", "record.json"):
            home.keep_mode(f"{home.own}/{name}", 0o600)


def remove_trust(machine: Machine, spec: Head, _text: str = "") -> None:
    """
    Takes our blocks out again and removes what we made. What somebody else changed after us stays, is said, and has ours
    beside it. The folder goes last, so that a run that was cut short can follow.
    """
    home = find_home(machine)
    if home.files.stat(home.ssh) is None:
        return
    with home.open_again(spec) as memory:
        texts: list[Text | None] = []
        remarks: list[str] = []
        for name in filter(home.may_hold_ours, FILES):
            target, data = home.text(name)
            path = f"{home.ssh}/{name}"
            parts = take_apart(f"~{path}", data or b"")
            if not parts.block:
                continue
            written = memory.written.get(name, [])
            without = put_back(name, parts, written)
            if without.remark:
                remarks.append(f"~{path}: {without.remark} at ~{path}.spark-mesh")
                ours = written[-1].encode() if written else parts.block
                texts.append(Text(f"{path}.spark-mesh", ours, 0o600))
            texts.append(_changed(home, target, data, without.data))
        home.files.write_all([text for text in texts if text])
        for remark in remarks:
            machine.say(remark)
        if home.files.stat(home.own) is not None:
            _restore_modes(home, memory)
            home.forget(memory)


def ask_rotation(machine: Machine, _spec: Named, _text: str = "") -> None:
    """Asks for a new key pair, which the next `key` makes; answers with what came of that."""
    home = find_home(machine)
    if home.files.stat(f"{home.own}/id_ed25519") is None:
        outcome = "noKey"
    elif home.files.stat(f"{home.own}/rotate"):
        outcome = "already"
    else:
        try:
            home.files.write_all([Text(f"{home.own}/rotate", b"", 0o600)])
            outcome = "asked"
        except Problem:
            outcome = "unwritable"
    answer({"rotation": outcome})


def _changed(home: Home, target: str, data: bytes | None, new: bytes) -> Text | None:
    """A file of the user's with other bytes, its owner's, group's and mode's as they were, less what sshd refuses."""
    if data == new:
        return None
    found = home.files.stat(target)
    if found is None:
        return Text(target, new, 0o600)
    return Text(target, new, int(found.mode, 8) & ~OTHERS_WRITE, found.gid)


def _own(home: Home, name: str, text: str) -> Text | None:
    """A file of our own folder, where it is to say something else."""
    path = f"{home.own}/{name}"
    return None if home.files.read(path) == text.encode() else Text(path, text.encode(), 0o600)


def _render_record(spec: TrustSpec) -> str:
    peers = [
        {
            "host": peer.host,
            "user": peer.user,
            "port": peer.port,
            "hostKey": peer.host_key,
            "names": list(peer.names),
            "publicKey": peer.public_key,
        }
        for peer in spec.peers
    ]
    record = {"version": 1, "host": spec.host, "stack": spec.stack, "publicKey": spec.public_key, "peers": peers}
    return f"{json.dumps(record)}\n"


def _restore_modes(home: Home, memory: Memory) -> None:
    """Gives modes back that are still the ones that we made, and removes files that we made and that are empty now."""
    for name, mode in memory.modes.items():
        path = f"{home.ssh}/{name}".rstrip("/")
        at = home.files.stat(path)
        if mode is None:
            if name and at and at.kind == "file" and at.size == 0:
                home.files.remove(path)
            continue
        if at and at.kind == "link":
            path = home.files.follow(path) or path
            at = home.files.stat(path)
        if at and at.mode != mode and int(at.mode, 8) == int(mode, 8) & ~OTHERS_WRITE:
            home.files.set_mode(path, int(mode, 8))
