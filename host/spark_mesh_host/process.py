"""The only place that starts processes: an argument list, a clean environment, limits of time and output."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .say import Problem, plain

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Result:
    """How a process ended. `code` is negative for a signal, as in `subprocess`."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Its last words, for a message."""
        return plain(self.err or self.out, 300)


class Runner(Protocol):
    """Runs a command to its end. A fake stands for it in tests."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        stdin: str = "",
        seconds: float = 30,
        limit: int = 1 << 20,
        environment: Mapping[str, str] | None = None,
    ) -> Result: ...


def run(
    argv: Sequence[str],
    *,
    stdin: str = "",
    seconds: float = 30,
    limit: int = 1 << 20,
    environment: Mapping[str, str] | None = None,
) -> Result:
    """
    Runs `argv` with `stdin` for at most `seconds`, and keeps the first `limit` bytes of each output.

    The environment is PATH and LC_ALL, and what `environment` adds. A program that isn't there ends with code 127.

    Raises Problem where time ran out; the whole process group is gone then.
    """
    env = {"PATH": PATH, "LC_ALL": "C.UTF-8", **(environment or {})}
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd="/",
            start_new_session=True,
        )
    except FileNotFoundError:
        return Result(127, "", f"{argv[0]} not found")
    outputs: dict[str, bytearray] = {"out": bytearray(), "err": bytearray()}
    pending = memoryview(stdin.encode())
    end = time.monotonic() + seconds
    assert child.stdin and child.stdout and child.stderr
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ, "out")
        selector.register(child.stderr, selectors.EVENT_READ, "err")
        if pending:
            os.set_blocking(child.stdin.fileno(), False)
            selector.register(child.stdin, selectors.EVENT_WRITE, "in")
        else:
            child.stdin.close()
        while selector.get_map():
            events = selector.select(max(0.0, end - time.monotonic()))
            if not events:
                _end_group(child)
                words = plain((outputs["err"] or outputs["out"]).decode(errors="replace"), 300)
                raise Problem(f'"{" ".join(argv)}" took more than {seconds:g} s{": " + words if words else ""}')
            for key, _ in events:
                if key.data == "in":
                    pending = _feed(selector, child, pending)
                    continue
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fileobj)
                outputs[key.data] += data[: max(0, limit - len(outputs[key.data]))]
    try:
        code = child.wait(max(0.1, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        _end_group(child)
        raise Problem(f'"{" ".join(argv)}" took more than {seconds:g} s') from None
    finally:
        child.stdout.close()
        child.stderr.close()
    return Result(code, outputs["out"].decode(errors="replace"), outputs["err"].decode(errors="replace"))


def _feed(selector: selectors.BaseSelector, child: "subprocess.Popen[bytes]", pending: memoryview) -> memoryview:
    """Writes what the pipe takes; what is left. A reader that went away has had enough."""
    assert child.stdin
    try:
        pending = pending[os.write(child.stdin.fileno(), pending[:65536]) :]
    except BrokenPipeError:
        pending = pending[:0]
    if not pending:
        selector.unregister(child.stdin)
        child.stdin.close()
    return pending


def _end_group(child: "subprocess.Popen[bytes]") -> None:
    """Ends the child and all that it started: they are one session, whose id is the child's."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
