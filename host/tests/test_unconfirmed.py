"""What `leave` makes of a change of the network that a cut run left staged."""

import json
import os
from pathlib import Path

import pytest

from spark_mesh_host.leave import leave
from spark_mesh_host.process import Result
from spark_mesh_host.say import Problem
from spark_mesh_host.spec import Head

from .machines import FakeMachine, done, failed

STATE = "/var/lib/spark-mesh"
HEAD = Head(host="spark-1", stack="me/spark-mesh/home")
TRANSACTION = "20261201T104500Z-0a1b2c3d"
ROLL_BACK = f"/bin/bash {STATE}/tx/{TRANSACTION}/rollback leave"
AS_LOGIN = (
    f"setpriv --reuid={os.getuid()} --regid={os.getgid()} --init-groups --no-new-privs --reset-env"
    f" {STATE}/program distrust"
)


@pytest.fixture
def host(tmp_path: Path) -> FakeMachine:
    """One on which a first change is staged, and armed."""
    machine = FakeMachine(tmp_path)
    for folder in ("run", "etc", "var/lib"):
        (tmp_path / folder).mkdir(parents=True)
    machine.put(f"{STATE}/program-{'1' * 64}", "program", 0o755)
    machine.put(f"{STATE}/armed.json", json.dumps({"stack": HEAD.stack, "transaction": TRANSACTION}))
    machine.put(f"{STATE}/tx/{TRANSACTION}/rollback", "the way back")
    machine.put(f"{STATE}/original/files/01-netcfg.yaml", "theirs")
    machine.runner.expect({AS_LOGIN: done()})
    return machine


def rolled_back(host: FakeMachine) -> Result:
    host.machine.files.remove(f"{STATE}/armed.json")
    host.put(f"{STATE}/rolled-back.json", "{}")
    return done()


def test_a_first_change_is_put_back_and_forgotten(host: FakeMachine) -> None:
    host.runner.expect({ROLL_BACK: lambda: rolled_back(host)})
    leave(host.machine, HEAD)
    assert host.runner.ran == [ROLL_BACK, AS_LOGIN]
    assert not (host.root / "var/lib/spark-mesh").exists() and not (host.root / "run/spark-mesh").exists()


def test_what_was_cut_before_it_was_armed_is_forgotten(host: FakeMachine) -> None:
    host.machine.files.remove(f"{STATE}/armed.json")
    leave(host.machine, HEAD)
    assert host.runner.ran == [AS_LOGIN]
    assert not (host.root / "var/lib/spark-mesh").exists()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"{STATE}/record.json", json.dumps({"stack": HEAD.stack})),
        (f"{STATE}/armed.json", json.dumps({"stack": "me/spark-mesh/rival", "transaction": TRANSACTION})),
    ],
)
def test_a_confirmed_change_and_another_stack_s_are_left(host: FakeMachine, path: str, text: str) -> None:
    host.put(path, text)
    before = host.everything()
    leave(host.machine, HEAD)
    host.machine.files.remove_tree("/run/spark-mesh")
    assert host.runner.ran == [] and host.everything() == before


@pytest.mark.parametrize(
    ("transaction", "end", "says"),
    [
        (TRANSACTION, failed("netplan: no space left"), "can't be put back: netplan: no space left; .* reboot"),
        (TRANSACTION, done(), "can't be put back: status 0; .* reboot"),
        ("../../../root", done(), "armed.json: found no transaction in it"),
    ],
)
def test_what_cannot_be_put_back_stays_and_is_said(host: FakeMachine, transaction: str, end: Result, says: str) -> None:
    host.put(f"{STATE}/armed.json", json.dumps({"stack": HEAD.stack, "transaction": transaction}))
    host.runner.expect({ROLL_BACK: end})
    with pytest.raises(Problem, match=says):
        leave(host.machine, HEAD)
    assert host.text(f"{STATE}/tx/{TRANSACTION}/rollback") == "the way back"
    assert host.text(f"{STATE}/original/files/01-netcfg.yaml") == "theirs"
