"""What root has the login user do: nothing in a home is written with root's rights."""

import json

from ..machine import Machine
from ..say import Problem
from ..spec import Head


def remove_trust_of_login(machine: Machine, spec: Head) -> None:
    """Has this program, as the user who logged in, take away all that is ours in his ~/.ssh."""
    user = machine.login()
    ids = [f"--reuid={user.uid}", f"--regid={user.gid}", "--init-groups", "--no-new-privs", "--reset-env"]
    words = json.dumps({"host": spec.host, "stack": spec.stack})
    done = machine.run(["setpriv", *ids, machine.program, "distrust"], stdin=f"{words}\n\n", seconds=60)
    lines = [line.removeprefix(f"{spec.host}: ") for line in done.err.splitlines()]
    if done.code != 0:
        raise Problem(lines[-1] if lines else f"distrust as {user.name} ended with status {done.code}: {done.said}")
    for line in lines:
        machine.say(line)
