"""Which files of a home are written, and how."""

import os
from pathlib import Path
from typing import Any

import pytest

from spark_mesh_host import files
from spark_mesh_host.say import Problem

from .trusting import BLOCKS, HOME, MINE, SSH, Host


@pytest.fixture
def host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Host:
    return Host(tmp_path, capsys)


def test_a_link_leads_to_the_file_that_is_written_and_stays_a_link(host: Host) -> None:
    host.put(f"{HOME}/dotfiles/config", "Compression yes\n", 0o640)
    (host.root / SSH.lstrip("/")).mkdir(mode=0o700)
    (host.root / SSH.lstrip("/") / "config").symlink_to("../dotfiles/config")
    before = host.tree()
    host.key()
    host.trust()
    assert host.text(f"{HOME}/dotfiles/config") == BLOCKS["config"] + "Compression yes\n"
    host.distrust()
    assert host.tree() == before


def test_ssh_itself_may_be_a_link_in_the_home(host: Host) -> None:
    (host.root / f"{HOME}/dotfiles/ssh".lstrip("/")).mkdir(parents=True, mode=0o700)
    (host.root / SSH.lstrip("/")).symlink_to("dotfiles/ssh")
    before = host.tree()
    host.runner.expect(
        {words.replace("/.ssh/", "/dotfiles/ssh/"): answer for words, answer in host.runner.answers.items()}
    )
    host.key()
    host.trust()
    assert host.text(f"{HOME}/dotfiles/ssh/config") == BLOCKS["config"]
    host.distrust()
    assert host.tree() == before


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda at, root: at.symlink_to(root / "etc/passwd"), "a link that leads out of the home"),
        (lambda at, root: at.symlink_to("nowhere"), "a link to nothing"),
        (lambda at, root: at.mkdir(0o755), "a folder of .* with mode 755"),
        (lambda at, root: (at.touch(), at.chmod(0)), "a file of .* with mode 0"),
        (lambda at, root: os.mkfifo(at, 0o600), "a other of .* with mode 600"),
    ],
)
def test_a_file_that_is_not_the_user_s_stops_all_and_is_left(host: Host, make: Any, found: str) -> None:
    host.put("/etc/passwd", "root\n")
    host.key()
    make(host.root / SSH.lstrip("/") / "known_hosts", host.root)
    before = host.modes()
    with pytest.raises(Problem, match=f"^~/.ssh/known_hosts: found {found}, wanted a regular file that nvidia owns"):
        host.trust()
    assert host.modes() == before
    assert host.text("/etc/passwd") == "root\n"


def test_a_folder_out_of_the_home_is_none_of_ours(host: Host) -> None:
    (host.root / "elsewhere").mkdir()
    (host.root / SSH.lstrip("/")).symlink_to(host.root / "elsewhere")
    with pytest.raises(Problem, match=r"~/.ssh: found a link that leads out of the home"):
        host.key()
    assert os.listdir(host.root / "elsewhere") == []


def test_a_file_takes_its_name_after_all_are_written(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk nothing has changed, whichever file finds no room."""
    host.write_mine()
    host.key()
    real = os.open
    for turn in range(5):
        opened = 0

        def full(path: Any, flags: int, *words: Any, turn: int = turn, **more: Any) -> int:
            nonlocal opened
            if str(path).endswith(".spark-mesh") and flags & os.O_CREAT:
                opened += 1
                if opened > turn:
                    raise OSError(28, "No space left on device")
            return real(path, flags, *words, **more)

        before = host.tree()
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", full)
            with pytest.raises(Problem, match="can't be written: No space left on device; make it writable"):
                host.trust()
        assert host.tree() == before
    host.trust()


def test_a_group_that_can_t_be_given_gets_no_right(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write_mine()
    config = host.root / SSH.lstrip("/") / "config"
    config.chmod(0o640)
    real = files.Tree.stat

    def stat(tree: files.Tree, path: str) -> files.Stat | None:
        found = real(tree, path)
        return files.Stat(**{**found.__dict__, "gid": 4711}) if found and path.endswith("config") else found

    def refuse(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    host.key()
    monkeypatch.setattr(files.Tree, "stat", stat)
    monkeypatch.setattr(os, "fchown", refuse)
    host.trust()
    assert config.stat().st_mode & 0o777 == 0o600


def test_a_home_beside_is_not_the_home(host: Host) -> None:
    host.put(f"{HOME}-evil/config", "")
    host.key()
    (host.root / SSH.lstrip("/") / "config").symlink_to(f"../../{HOME.split('/')[-1]}-evil/config")
    with pytest.raises(Problem, match="a link that leads out of the home"):
        host.trust()


def of_another(monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    """Has a file be another user's."""
    real = files.Tree.stat

    def stat(tree: files.Tree, path: str) -> files.Stat | None:
        found = real(tree, path)
        return files.Stat(**{**found.__dict__, "uid": 4711}) if found and path.endswith(ending) else found

    monkeypatch.setattr(files.Tree, "stat", stat)


def test_another_s_folder_is_not_touched(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write_mine()
    before = host.tree()
    of_another(monkeypatch, "/.ssh")
    with pytest.raises(
        Problem, match=r"^~/\.ssh: found a folder of UNKNOWN, wanted a folder of nvidia; put that right"
    ):
        host.key()
    assert host.tree() == before


def test_another_s_file_is_not_touched_and_stops_no_removal(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write_mine()
    host.key()
    host.trust()
    of_another(monkeypatch, "config")
    with pytest.raises(Problem, match=r"^~/\.ssh/config: found a file of UNKNOWN with mode 600, wanted"):
        host.trust()
    host.distrust()
    assert host.read("config").startswith(b"# BEGIN")
    assert host.read("known_hosts") == MINE["known_hosts"].encode("latin-1")
