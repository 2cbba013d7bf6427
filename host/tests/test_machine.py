import os
import pwd
from pathlib import Path

import pytest

from spark_mesh_host.files import Tree
from spark_mesh_host.lock import lock
from spark_mesh_host.machine import login_account, own_account
from spark_mesh_host.say import Problem

from .machines import FakeMachine


def entry(uid: int) -> pwd.struct_passwd:
    if uid == 4711:
        raise KeyError
    return pwd.struct_passwd((f"user{uid}", "x", uid, 7, "", f"/home/{uid}", "/bin/sh"))


@pytest.mark.parametrize(
    ("euid", "sudo", "wanted"),
    [(0, "1000", 1000), (0, "", 0), (0, "-1", 0), (0, "1000; id", 0), (1001, "1000", 1001)],
)
def test_who_logged_in_is_who_called_sudo_and_only_root_believes_that(
    monkeypatch: pytest.MonkeyPatch, euid: int, sudo: str, wanted: int
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    monkeypatch.setattr(os, "getuid", lambda: euid)
    monkeypatch.setattr(pwd, "getpwuid", entry)
    monkeypatch.setenv("SUDO_UID", sudo)
    monkeypatch.setenv("HOME", "/elsewhere")
    found = login_account()
    assert (found.name, found.uid, found.gid, found.home) == (f"user{wanted}", wanted, 7, f"/home/{wanted}")
    assert own_account().uid == euid


def test_a_user_without_a_home_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    monkeypatch.setattr(pwd, "getpwuid", entry)
    with pytest.raises(Problem, match="user 4711: found no entry in passwd"):
        own_account()


class Racing(Tree):
    """Whoever had the lock removes its file as soon as the first other has it open."""

    raced = False

    def lock_file(self, path: str) -> int:
        descriptor = super().lock_file(path)
        if not self.raced:
            self.raced = True
            self.remove(path)
        return descriptor


def test_who_locked_a_file_that_was_removed_holds_nothing(fake: FakeMachine, tmp_path: Path) -> None:
    tree = Racing(str(tmp_path))
    with lock(fake.machine, tree, "/lock", lambda: None):
        assert (tmp_path / "lock").exists()


def test_a_lock_that_another_holds_is_waited_for_and_then_said(fake: FakeMachine) -> None:
    files = fake.machine.files
    began = fake.time
    with (
        lock(fake.machine, files, "/lock", lambda: None),
        pytest.raises(Problem, match="another spark-mesh operation is at work here"),
        lock(fake.machine, files, "/lock", lambda: None, seconds=30),
    ):
        pass
    assert 30 <= fake.time - began < 32
