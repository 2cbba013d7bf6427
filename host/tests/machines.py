"""A machine that isn't there: files below a folder, a clock that waits move, a runner that refuses the unexpected."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from spark_mesh_host.files import Tree
from spark_mesh_host.machine import Account, Machine
from spark_mesh_host.process import Result

Answer = Result | Callable[[], Result]


def done(out: str = "") -> Result:
    return Result(0, out, "")


def failed(err: str = "", code: int = 1) -> Result:
    return Result(code, "", err)


class FakeRunner:
    """Answers commands by their words; a command that no test expects is an error of the test."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.ran: list[str] = []

    def expect(self, answers: Mapping[str, Answer]) -> None:
        self.answers.update(answers)

    def __call__(
        self,
        argv: Sequence[str],
        *,
        stdin: str = "",
        seconds: float = 30,
        limit: int = 1 << 20,
        environment: Mapping[str, str] | None = None,
    ) -> Result:
        words = " ".join(argv)
        self.ran.append(words)
        answer = self.answers.get(words)
        if answer is None:
            raise AssertionError(f"no test expects: {words}")
        return answer() if callable(answer) else answer


class FakeMachine:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.runner = FakeRunner()
        self.time = 1_800_000_000.0
        self.said: list[str] = []
        self.machine = SayingMachine(
            "spark-1", Tree(str(root)), self.runner, lambda: self.time, lambda: self.time, self.pass_time
        )
        self.machine.told = self.said
        user = Account("nvidia", os.getuid(), os.getgid(), "/home/nvidia")
        self.machine.account = self.machine.login = lambda: user
        self.machine.program = "/var/lib/spark-mesh/program"

    def pass_time(self, seconds: float) -> None:
        self.time += seconds

    def put(self, path: str, text: str, mode: int = 0o644) -> Path:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return file

    def text(self, path: str) -> str | None:
        file = self.root / path.lstrip("/")
        return file.read_text() if file.exists() else None

    def everything(self) -> dict[str, str]:
        """Every file and folder with its mode and text: what a test compares before and after."""
        found: dict[str, str] = {}
        for path in sorted(self.root.rglob("*")):
            name = f"/{path.relative_to(self.root)} {path.lstat().st_mode & 0o7777:o}"
            found[name] = path.read_text() if path.is_file() and not path.is_symlink() else ""
        return found


class SayingMachine(Machine):
    """Keeps what it says."""

    told: list[str]

    def say(self, text: str) -> None:
        self.told.append(text)
