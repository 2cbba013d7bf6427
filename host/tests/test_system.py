import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from spark_mesh_host import files
from spark_mesh_host.leave import leave
from spark_mesh_host.process import Result
from spark_mesh_host.say import Problem
from spark_mesh_host.spec import Head, read_spec
from spark_mesh_host.system import make_system, remove_system
from spark_mesh_host.system.logind import MANAGER
from spark_mesh_host.system.spec import SystemSpec

from .machines import Answer, FakeMachine, done, failed

DIGEST = "1" * 64
PROGRAM = f"/var/lib/spark-mesh/program-{DIGEST}"
SUDOERS = "/etc/sudoers.d/spark-mesh"
LOGIND = "/etc/systemd/logind.conf.d/90-spark-mesh.conf"
ASK_LOGIND = " ".join(["busctl --timeout=5 get-property", *MANAGER, "RemoveIPC"])
TRY_SUDO = f"runuser -u nvidia -- sudo -k -n {PROGRAM} system"
HEAD = Head(host="spark-1", stack="me/spark-mesh/home")
AS_LOGIN = (
    f"setpriv --reuid={os.getuid()} --regid={os.getgid()} --init-groups --no-new-privs --reset-env"
    " /var/lib/spark-mesh/program distrust"
)


class Host(FakeMachine):
    """A host with docker, logind and sudo as far as this operation asks them."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.members = {"docker": set[str]()}
        self.keeps = False
        for folder in ("etc/sudoers.d", "etc/systemd", "var/lib/spark-mesh", "run"):
            (self.root / folder).mkdir(parents=True)
        self.put(PROGRAM, "program", 0o755)
        self.runner.expect(
            {
                "getent group docker": done(),
                "id -nG -- nvidia": lambda: done(" ".join(["nvidia", *self.groups("nvidia")])),
                "gpasswd -a nvidia docker": lambda: self.join("nvidia"),
                "gpasswd -d nvidia docker": lambda: self.part("nvidia"),
                "systemctl is-active --quiet systemd-logind": done(),
                "systemctl kill --signal=HUP systemd-logind": self.reload,
                ASK_LOGIND: lambda: done("b false" if self.keeps else "b true"),
                "sh -c command -v bash": done("/usr/bin/bash\n"),
                "visudo -c -f /var/lib/spark-mesh/system/original/sudoers.draft": done(),
                TRY_SUDO: done(),
                AS_LOGIN: done(),
            }
        )

    def groups(self, user: str) -> list[str]:
        return [group for group, users in self.members.items() if user in users]

    def join(self, user: str) -> Any:
        self.members["docker"].add(user)
        return done()

    def part(self, user: str) -> Any:
        self.members["docker"].discard(user)
        return done()

    def reload(self) -> Any:
        self.keeps = "RemoveIPC=no" in (self.text(LOGIND) or "")
        return done()

    def run(self, **change: Any) -> None:
        text = json.dumps({**SPEC, **change})
        make_system(self.machine, read_spec(SystemSpec, text), text)

    def record(self) -> Any:
        return json.loads(self.text("/var/lib/spark-mesh/system/record.json") or "{}")

    def expect(self, answers: Mapping[str, Answer]) -> None:
        self.runner.expect(answers)


SPEC: dict[str, Any] = {
    "host": "spark-1",
    "stack": "me/spark-mesh/home",
    "operator": "me@laptop",
    "program": DIGEST,
    "digest": "2" * 64,
    "user": "nvidia",
    "docker_group": True,
    "sudo_operations": ["system", "unsystem"],
    "sudo_scripts": ["stage"],
    "remove_ipc": False,
    "earlyoom": None,
}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.fixture(autouse=True)
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of this test's user are root's to it."""
    real = files.Tree.stat

    def stat(tree: files.Tree, path: str) -> files.Stat | None:
        found = real(tree, path)
        if found is None or found.uid != os.getuid():
            return found
        return files.Stat(**{**found.__dict__, "uid": 0, "gid": 0})

    monkeypatch.setattr(files.Tree, "stat", stat)


def test_what_is_declared_is_made_once_and_given_back(host: Host) -> None:
    before = host.everything()
    host.run()
    assert host.members["docker"] == {"nvidia"} and host.keeps
    assert host.text(SUDOERS) == (
        '# Written by spark-mesh: "pulumi up" puts it back as it is here, "pulumi destroy" takes it away.\n'
        "# Who may run all of these is root: among them are what starts containers and what brings a new program.\n"
        f'"nvidia" ALL=(root) NOPASSWD: sha256:{DIGEST} {PROGRAM} system, sha256:{DIGEST} {PROGRAM} unsystem,'
        " /usr/bin/bash -s stage\n"
    )
    record = host.record()
    assert (record["digest"], record["program"], json.loads(record["spec"])) == ("2" * 64, DIGEST, SPEC)
    assert [file["path"] for file in record["files"]] == [SUDOERS, LOGIND]
    assert host.said == [
        "nvidia is a member of docker from the next login on; sessions that are open keep the groups they have"
    ]
    made = host.everything()
    host.runner.ran.clear()
    host.run()
    assert host.everything() == made
    assert not [words for words in host.runner.ran if words.startswith(("gpasswd", "systemctl kill"))]
    remove_system(host.machine, HEAD)
    remove_system(host.machine, HEAD)
    assert host.members["docker"] == set() and not host.keeps
    # The program went with the last thing that was ours.
    host.put(PROGRAM, "program", 0o755)
    assert host.everything() == before


def test_a_drift_is_repaired_under_a_new_transaction(host: Host) -> None:
    host.run()
    first = host.record()["transaction"]
    host.time += 5
    host.members["docker"].clear()
    host.run()
    assert host.members["docker"] == {"nvidia"}
    assert host.record()["transaction"] > first


def test_who_was_a_member_before_stays(host: Host) -> None:
    host.members["docker"].add("nvidia")
    host.run()
    remove_system(host.machine, HEAD)
    assert host.members["docker"] == {"nvidia"}


def test_an_option_that_is_taken_out_is_given_back(host: Host) -> None:
    host.run()
    host.run(docker_group=False, remove_ipc=True)
    assert host.members["docker"] == set() and not host.keeps
    assert host.text(LOGIND) is None and host.text(SUDOERS) is not None


@pytest.mark.parametrize(
    ("words", "answer", "says"),
    [
        ("getent group docker", failed(code=2), "group docker: found none, wanted one; install Docker"),
        ("gpasswd -a nvidia docker", failed("no space"), "gpasswd -a nvidia docker: failed with status 1: no space"),
        (ASK_LOGIND, done("b true"), "logind: RemoveIPC: found yes 5 s after"),
        (
            "visudo -c -f /var/lib/spark-mesh/system/original/sudoers.draft",
            failed("syntax error"),
            r"/etc/sudoers.d/spark-mesh: visudo refuses it \(syntax error\); it was not put in place",
        ),
        (TRY_SUDO, failed("a password is required"), r"sudo asks nvidia all the same \(a password is required\)"),
    ],
)
def test_a_first_run_that_fails_leaves_nothing(host: Host, words: str, answer: Any, says: str) -> None:
    host.put(LOGIND, "[Login]\n")
    before = host.everything()
    host.expect({words: answer})
    with pytest.raises(Problem, match=says):
        host.run()
    assert host.members["docker"] == set()
    # The program is there for the next run, and so is its lock.
    host.machine.files.remove_tree("/run/spark-mesh")
    assert host.everything() == before


def test_a_later_run_that_fails_gives_up_nothing(host: Host) -> None:
    host.run(docker_group=False)
    host.expect({"getent group docker": failed(code=2)})
    with pytest.raises(Problem):
        host.run()
    assert host.text(LOGIND) is not None and host.record()["stack"] == "me/spark-mesh/home"


def test_another_stack_s_system_is_left(host: Host) -> None:
    host.run()
    made = host.everything()
    with pytest.raises(Problem, match="belongs to stack me/spark-mesh/home, found by stack me/spark-mesh/rival"):
        host.run(stack="me/spark-mesh/rival")
    with pytest.raises(Problem, match="belongs to stack"):
        remove_system(host.machine, Head(host="spark-1", stack="me/spark-mesh/rival"))
    with pytest.raises(Problem, match="belongs to stack"):
        leave(host.machine, Head(host="spark-1", stack="me/spark-mesh/rival"))
    assert host.everything() == made


def test_the_last_of_ours_takes_the_program_with_it(host: Host) -> None:
    host.run()
    remove_system(host.machine, HEAD)
    assert not (host.root / "var/lib/spark-mesh").exists()
    leave(host.machine, HEAD)


def test_what_was_cut_before_its_record_is_given_back_by_leave(host: Host) -> None:
    host.run()
    host.machine.files.remove("/var/lib/spark-mesh/system/record.json")
    leave(host.machine, HEAD)
    assert host.members["docker"] == set() and host.text(SUDOERS) is None
    assert not (host.root / "var/lib/spark-mesh").exists()


def test_the_program_stays_where_somebody_needs_it(host: Host) -> None:
    host.put("/var/lib/spark-mesh/record.json", "{}")
    host.run()
    remove_system(host.machine, HEAD)
    leave(host.machine, HEAD)
    assert host.text(PROGRAM) == "program"
    assert AS_LOGIN not in host.runner.ran


def test_what_is_left_in_the_home_goes_before_root_s_rights(host: Host) -> None:
    """A key that was being made when a run was killed is in no state: whoever takes the program away has to see to it."""
    host.run()

    def removed() -> Any:
        assert host.text(SUDOERS) is not None
        return failed("spark-1: ~/.ssh/config: can't be written: Read-only file system")

    host.expect({AS_LOGIN: removed})
    with pytest.raises(Problem, match=r"^~/.ssh/config: can't be written: Read-only file system$"):
        remove_system(host.machine, HEAD)
    assert host.text(SUDOERS) is not None and host.text(PROGRAM) == "program"
    host.expect({AS_LOGIN: Result(0, "", "spark-1: ~/.ssh/config: stays\n")})
    host.said.clear()
    remove_system(host.machine, HEAD)
    assert host.said == ["~/.ssh/config: stays"]
    assert not (host.root / "var/lib/spark-mesh").exists()


def test_what_is_left_in_the_home_goes_with_the_program(host: Host) -> None:
    leave(host.machine, HEAD)
    assert [words for words in host.runner.ran if words.startswith("setpriv")] == [AS_LOGIN]
    host.put(PROGRAM, "program", 0o755)
    host.expect({AS_LOGIN: failed("Killed", code=-9)})
    with pytest.raises(Problem, match=r"^Killed$"):
        leave(host.machine, HEAD)
    assert host.text(PROGRAM) == "program"
