"""
Files that are ours while they are declared: what stood there before is kept, and put back. To put back is to undo our change:
a file that somebody else changed after us stays as it is, with ours beside it, and that is said.
"""

from dataclasses import dataclass

from .files import Tree
from .machine import Machine
from .say import Problem

OURS = ".spark-mesh"
"""Ending of a copy of ours beside a file that somebody changed."""
BEFORE = ".before-spark-mesh"
"""Ending of what was there before us, likewise."""


@dataclass(frozen=True)
class Kept:
    """
    The memory of files that we wrote, in a folder of root's alone: NAME is a copy of what was there before, NAME.absent says
    that there was nothing, NAME.ours is what we wrote last. Base names must differ.
    """

    machine: Machine
    folder: str

    @property
    def _files(self) -> Tree:
        return self.machine.files

    def _memory(self, path: str, ending: str = "") -> str:
        return f"{self.folder}/{path.rsplit('/', 1)[1]}{ending}"

    def knows(self, path: str) -> bool:
        """Whether we wrote the file and have not put it back."""
        return bool(self._files.stat(self._memory(path)) or self._files.stat(self._memory(path, ".absent")))

    def write(self, path: str, text: str, mode: int) -> bool:
        """Has the file say `text`, root's and with `mode`; whether that changed anything."""
        found = self._files.stat(path)
        if found and found.kind != "file":
            raise Problem(f"{path} is a {found.kind}; take it away, then run the command again")
        present = self._files.text(path) if found else None
        if not self.knows(path):
            # A file that is ours already was left by a run whose memory is lost.
            if present is None or present == text:
                self._files.write(self._memory(path, ".absent"), "", 0o600)
            else:
                self._files.copy(path, self._memory(path))
        # Before the file itself: what is told apart when it is put back.
        if self._files.text(self._memory(path, ".ours")) != text:
            self._files.write(self._memory(path, ".ours"), text, 0o600)
        if found and present == text and (found.mode, found.uid, found.gid) == (f"{mode:o}", 0, 0):
            return False
        self._files.write(path, text, mode)
        return True

    def put_back(self, path: str) -> bool:
        """Gives back what was there before us; whether there was anything to give back."""
        if not self.knows(path):
            return False
        ours = self._files.text(self._memory(path, ".ours"))
        present = self._files.text(path)
        had = self._files.stat(self._memory(path)) is not None
        if present is None or ours is None or present == ours:
            if had:
                self._files.copy(self._memory(path), path)
            else:
                self._files.remove(path)
        elif present != (self._files.text(self._memory(path)) if had else None):
            self._files.write(f"{path}{OURS}", ours, 0o600)
            if had:
                self._files.copy(self._memory(path), f"{path}{BEFORE}")
            beside = f"{path}{OURS}" + (f", what was there before it at {path}{BEFORE}" if had else "")
            self.machine.say(f"{path}: was changed by somebody else since the last run, and stays; ours is at {beside}")
        for ending in ("", ".absent", ".ours"):
            self._files.remove(self._memory(path, ending))
        return True

    def make_folder(self, path: str) -> None:
        """Has the folder there, and remembers where it was not."""
        if self._files.stat(path) is None:
            self._files.write(self._memory(path, ".absent"), "", 0o600)
            self._files.make_folder(path, 0o755)

    def put_back_folder(self, path: str) -> None:
        """Removes the folder if we made it and nobody else uses it."""
        if self._files.remove(self._memory(path, ".absent")):
            self._files.remove_folder(path)
