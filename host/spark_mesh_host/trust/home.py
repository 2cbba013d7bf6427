"""
The login user's ~/.ssh, and our folder in it. What is here runs as that user: nothing is ever written to a home with
another's rights.

In the folder (mode 0700; a contract between our releases):
  id_ed25519, id_ed25519.pub  the host's own key pair; its private half never leaves this host
  memory.json                 what was there before our first write, and what we wrote
  record.json                 the last `trust`, which the next preview reads
  rotate                      there while a new key pair is asked for
  lock                        held by every operation
"""

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..files import Text, Tree
from ..lock import lock
from ..machine import Account, Machine
from ..record import read_record, refuse_other_stack, user_name
from ..say import Problem
from ..spec import Head
from .blocks import FILES, take_apart

OTHERS_WRITE = 0o022
"""What sshd and ssh refuse."""


@dataclass
class Memory:
    """What was there before us, and what we wrote since."""

    stack: str
    modes: dict[str, str | None] = field(default_factory=dict)
    """By the name of a file; of ~/.ssh itself by "". None: there was none."""
    written: dict[str, list[str]] = field(default_factory=dict)
    """The last blocks by file, two at most: of a run that was cut either may stand there."""

    def remember(self, name: str, block: str) -> None:
        last = self.written.get(name, [])
        if last[-1:] != [block]:
            self.written[name] = [*last[-1:], block]

    @property
    def text(self) -> str:
        return json.dumps({"version": 1, "stack": self.stack, "before": self.modes, "written": self.written}) + "\n"


@dataclass(frozen=True)
class Home:
    """Paths are below the home."""

    machine: Machine
    account: Account
    files: Tree
    ssh: str
    """~/.ssh, or what it is a link to."""

    @property
    def own(self) -> str:
        return f"{self.ssh}/spark-mesh"

    def absolute(self, path: str) -> str:
        """For another program."""
        return f"{self.account.home.rstrip('/')}{path}"

    @contextlib.contextmanager
    def open(self, spec: Head) -> Iterator[Memory]:
        """Has our folder there, and holds its lock. Raises Problem where another stack has it."""
        made = [path for path in (self.own, self.ssh) if self.files.stat(path) is None]

        def make() -> None:
            self.files.make_folder(self.ssh, 0o700)
            self._check_folder()
            self.files.make_folder(self.own, 0o700)

        try:
            with lock(self.machine, self.files, f"{self.own}/lock", make):
                memory = self.memory(spec)
                if memory is not None:
                    yield memory
                elif self.files.names(self.own) == ["lock"]:
                    # Nobody would come to undo a first visit that fails.
                    with self._forgetting(spec):
                        yield self._begin(spec, self.ssh in made)
                else:
                    yield self._begin(spec, self.ssh in made)
        except BaseException:
            for path in made:
                # Only an empty one goes.
                self.files.remove_folder(path)
            raise

    def _begin(self, spec: Head, made: bool) -> Memory:
        memory = Memory(spec.stack, self._modes(made))
        self.files.write_all([Text(f"{self.own}/memory.json", memory.text.encode(), 0o600)])
        return memory

    @contextlib.contextmanager
    def _forgetting(self, spec: Head) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.forget(self.memory(spec))
            raise

    @contextlib.contextmanager
    def open_again(self, spec: Head) -> Iterator[Memory]:
        """Likewise, but makes nothing."""
        if self.files.stat(self.own) is None:
            yield Memory(spec.stack)
            return
        with lock(self.machine, self.files, f"{self.own}/lock", lambda: None):
            yield self.memory(spec) or Memory(spec.stack)

    def memory(self, spec: Head) -> Memory | None:
        """Raises Problem where it is another stack's."""
        for name in ("memory.json", "record.json"):
            refuse_other_stack(self.files, f"{self.own}/{name}", spec)
        found = read_record(self.files, f"{self.own}/memory.json")
        modes, written = found.get("before"), found.get("written")
        if not isinstance(modes, dict) or not isinstance(written, dict):
            return None
        return Memory(
            spec.stack,
            {name: mode for name, mode in modes.items() if name in ("", *FILES) and (mode is None or _is_mode(mode))},
            {
                name: [text for text in texts if isinstance(text, str)]
                for name, texts in written.items()
                if name in FILES and isinstance(texts, list)
            },
        )

    def target(self, name: str) -> str:
        """Where the bytes of ~/.ssh/NAME are: a link is followed to a plain file of the user's, in his home."""
        path = f"{self.ssh}/{name}"
        found = self.files.stat(path)
        if found is None:
            return path
        target = self.files.follow(path)
        at = self.files.stat(target) if target is not None and found.kind == "link" else found
        if target is None:
            said = "a link that leads out of the home"
        elif at is None:
            said = "a link to nothing"
        elif at.kind == "file" and at.uid == self.account.uid and int(at.mode, 8) & 0o400:
            return target
        else:
            said = f"a {at.kind} of {user_name(at.uid)} with mode {at.mode}"
        raise Problem(
            f"~{path}: found {said}, wanted a regular file that {self.account.name} owns and can read;"
            " put that right, then run the command again"
        )

    def text(self, name: str) -> tuple[str, bytes | None]:
        """A file of ~/.ssh: where it is, and its bytes."""
        target = self.target(name)
        return target, self.files.read(target)

    def may_hold_ours(self, name: str) -> bool:
        """Whether a file of ~/.ssh is one that we could have written to."""
        target = self.files.follow(f"{self.ssh}/{name}")
        found = self.files.stat(target) if target is not None else None
        return found is not None and found.kind == "file" and found.uid == self.account.uid

    def keep_mode(self, path: str, mode: int) -> None:
        """Gives a path the mode, where it has another."""
        found = self.files.stat(path)
        if found and found.mode != f"{mode:o}":
            self.files.set_mode(path, mode)

    def keep_closed(self, paths: Sequence[str]) -> None:
        """Takes from others what lets them write."""
        for path in paths:
            found = self.files.stat(path)
            if found:
                self.keep_mode(path, int(found.mode, 8) & ~OTHERS_WRITE)

    def forget(self, memory: Memory | None) -> None:
        """Removes our folder, and ~/.ssh where we made it and nothing else is in it."""
        self.files.remove_tree(self.own)
        if memory and memory.modes.get("", "") is None:
            self.files.remove_folder(self.ssh)

    def _check_folder(self) -> None:
        found = self.files.stat(self.ssh)
        if found is None or found.kind != "folder" or found.uid != self.account.uid:
            said = f"a {found.kind} of {user_name(found.uid)}" if found else "none"
            raise Problem(
                f"~/.ssh: found {said}, wanted a folder of {self.account.name}; put that right, then run the command again"
            )

    def _modes(self, made: bool) -> dict[str, str | None]:
        """What is there before us. A file with nothing in it but our block is ours: the folder was removed since."""
        folder = self.files.stat(self.ssh)
        modes: dict[str, str | None] = {"": None if made or folder is None else folder.mode}
        for name in FILES:
            target, data = self.text(name)
            parts = take_apart(f"~{self.ssh}/{name}", data or b"")
            found = self.files.stat(target)
            ours = parts.block and not parts.foreign
            modes[name] = None if ours or found is None else found.mode
        return modes


def find_home(machine: Machine) -> Home:
    """The home of whoever runs this."""
    account = machine.account()
    files = machine.files.below(account.home, "~")
    ssh = files.follow("/.ssh")
    if ssh is None:
        raise Problem(
            f"~/.ssh: found a link that leads out of the home, wanted a folder of {account.name}; put one there"
        )
    return Home(machine, account, files, ssh)


def _is_mode(mode: object) -> bool:
    return isinstance(mode, str) and mode.isdecimal() and len(mode) <= 4 and not set(mode) & set("89")
