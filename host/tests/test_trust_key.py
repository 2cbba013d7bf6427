"""The key pair, and what an operation that fails leaves."""

import json
from pathlib import Path

import pytest

from spark_mesh_host.say import Problem
from spark_mesh_host.spec import Named
from spark_mesh_host.trust import ask_rotation

from .machines import failed
from .trusting import OWN, RIVAL, SSH, Host


@pytest.fixture
def host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Host:
    return Host(tmp_path, capsys)


def test_a_first_visit_that_fails_leaves_nothing(host: Host) -> None:
    host.runner.expect(
        {f"ssh-keygen -q -t ed25519 -N  -C spark-mesh:spark-1 -f {OWN}/new": failed("Saving key failed: no space")}
    )
    with pytest.raises(Problem, match=r"^~/.ssh/spark-mesh/id_ed25519: can't be written: no space; make it writable"):
        host.key()
    assert host.tree() == {}
    host.write_mine()
    before = host.tree()
    with pytest.raises(Problem):
        host.key()
    assert host.tree() == before


def test_a_later_run_that_fails_keeps_the_key(host: Host) -> None:
    host.key()
    host.trust()
    host.put(f"{OWN}/rotate", "")
    before = host.tree()
    host.runner.expect({f"ssh-keygen -q -t ed25519 -N  -C spark-mesh:spark-1 -f {OWN}/new": failed("no space")})
    with pytest.raises(Problem, match="no space"):
        host.key()
    assert host.tree() == before


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("rotate", ""),
        ("id_ed25519", "broken"),
        ("id_ed25519", "PRIVATE 7"),
        ("id_ed25519.pub", "ssh-rsa KEY1 other\n"),
        ("id_ed25519.pub", "ssh-ed25519 KEY7\n"),
        ("record.json", json.dumps({"publicKey": "ssh-ed25519 KEY7"})),
    ],
)
def test_a_key_pair_that_is_not_whole_or_not_wanted_is_replaced(host: Host, path: str, text: str) -> None:
    host.key()
    host.put(f"{OWN}/{path}", text, 0o600)
    assert host.key() == "ssh-ed25519 KEY2"
    assert host.text(f"{OWN}/id_ed25519") == "PRIVATE 2"
    assert host.text(f"{OWN}/rotate") is None and host.text(f"{OWN}/new") is None


def test_a_key_pair_with_another_mode_or_comment_is_kept(host: Host) -> None:
    host.key()
    (host.root / OWN.lstrip("/") / "id_ed25519").chmod(0o644)
    host.put(f"{OWN}/id_ed25519.pub", "ssh-ed25519 KEY1 $(touch /tmp/canary)\nmore\n")
    assert host.key() == "ssh-ed25519 KEY1"
    assert host.tree()["home/nvidia/.ssh/spark-mesh/id_ed25519"][0] == "100600"


def test_a_key_is_not_announced_before_it_is_there(host: Host) -> None:
    host.made = 1
    with pytest.raises(Problem, match=r"^~/.ssh/spark-mesh/id_ed25519: found another key pair than the one"):
        host.trust()
    assert host.tree() == {}


def test_a_program_that_is_missing_is_named(host: Host) -> None:
    host.runner.expect({f"ssh-keygen -q -t ed25519 -N  -C spark-mesh:spark-1 -f {OWN}/new": failed(code=127)})
    with pytest.raises(Problem, match="ssh-keygen not found; install openssh-client"):
        host.key()


def test_another_stack_is_refused_from_the_first_key_on(host: Host) -> None:
    host.key()
    for recorded in (False, True):
        if recorded:
            host.trust()
            host.machine.files.remove(f"{OWN}/memory.json")
        before = host.tree()
        for operation in (
            lambda: host.key(RIVAL),
            lambda: host.trust(stack=RIVAL.stack),
            lambda: host.distrust(RIVAL),
        ):
            with pytest.raises(Problem, match="belongs to stack organization/spark-mesh/home, found by stack me/"):
                operation()
        assert host.tree() == before


def test_rotation_is_asked_for_where_there_is_a_key_and_once(host: Host) -> None:
    outcomes = []
    for prepare in (lambda: None, host.key, lambda: None):
        prepare()
        ask_rotation(host.machine, Named(host="spark-1"))
        outcomes.append(host.answer()["rotation"])
    assert outcomes == ["noKey", "asked", "already"]
    assert host.key() == "ssh-ed25519 KEY2"


def test_a_key_whose_public_half_is_another_s_is_not_announced(host: Host) -> None:
    host.key()
    host.put(f"{OWN}/id_ed25519.pub", "ssh-ed25519 KEY7\n")
    with pytest.raises(Problem, match="found another key pair"):
        host.trust()


def test_a_run_that_fails_where_the_memory_is_lost_keeps_the_key(host: Host) -> None:
    host.key()
    host.trust()
    host.machine.files.remove(f"{OWN}/memory.json")
    host.put(f"{SSH}/config", "# END spark-mesh\n")
    with pytest.raises(Problem, match="take them out by hand"):
        host.key()
    assert host.text(f"{OWN}/id_ed25519") == "PRIVATE 1"
