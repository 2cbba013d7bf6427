"""
Runs one operation: `program-DIGEST OPERATION`, with its spec as a line of JSON on standard input, and the ids of the transactions
that it is about in a line after that. Told nothing, it does nothing, so that one can see whether sudo lets it run.
"""

import signal
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .leave import leave
from .machine import Machine
from .say import Problem, plain, say
from .spec import LIMIT, Head, Named, read_spec
from .system import make_system, remove_system
from .system.spec import SystemSpec
from .trust import ask_rotation, make_key, make_trust, remove_trust
from .trust.spec import TrustSpec


@dataclass(frozen=True)
class Operation:
    """What an operation reads, and what it does with it. It may answer by `say.answer`, at its end."""

    spec: type[Named]
    run: Callable[[Machine, Any, str], None]


# `components/operations.ts` has the same names.
OPERATIONS: dict[str, Operation] = {
    "system": Operation(SystemSpec, make_system),
    "unsystem": Operation(SystemSpec, remove_system),
    "key": Operation(Head, make_key),
    "trust": Operation(TrustSpec, make_trust),
    "distrust": Operation(Head, remove_trust),
    "rotate": Operation(Named, ask_rotation),
    "leave": Operation(Head, leave),
}


def main(arguments: list[str]) -> int:
    """The exit status: 0, or 1 where the last line of stderr is the message."""
    host = socket.gethostname()
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _end)
    try:
        operation = OPERATIONS.get(arguments[0] if len(arguments) == 1 else "")
        if operation is None:
            raise Problem(f"no such operation: {plain(' '.join(arguments), 60)}")
        lines = sys.stdin.read(LIMIT + 2).splitlines()
        if not lines:
            return 0
        spec = read_spec(operation.spec, lines[0])
        host = spec.host
        operation.run(Machine(host), spec, lines[0])
    except Problem as problem:
        say(host, str(problem))
        return 1
    except Exception as error:
        # A mistake of ours: where it was made, for a report of it.
        where = traceback.extract_tb(error.__traceback__)[-1]
        say(host, f"{type(error).__name__}: {error} ({where.name}, line {where.lineno}); report this")
        return 1
    return 0


def _end(number: int, _frame: object) -> None:
    """What is to be undone is undone on the way out."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
