import os
from pathlib import Path
from typing import Any

import pytest

from spark_mesh_host.files import Tree
from spark_mesh_host.say import Problem


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "etc").mkdir()
    return Tree(str(tmp_path))


def test_a_file_is_written_whole_with_its_mode(tree: Tree, tmp_path: Path) -> None:
    tree.write("/etc/a", "one\n", 0o640)
    assert (tmp_path / "etc/a").read_text() == "one\n"
    assert (tmp_path / "etc/a").stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path / "etc") == ["a"]


@pytest.mark.parametrize("step", ["write", "fsync", "rename"])
def test_a_power_cut_leaves_the_old_text(
    tree: Tree, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.write("/etc/a", "old\n", 0o600)
    order: list[str] = []
    real_fsync, real_rename = os.fsync, os.rename

    def fsync(descriptor: int) -> None:
        order.append("fsync folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "fsync file")
        if step == "fsync":
            raise OSError(5, "Input/output error")
        real_fsync(descriptor)

    def rename(*words: Any, **more: Any) -> None:
        order.append("rename")
        if step == "rename":
            raise OSError(5, "Input/output error")
        real_rename(*words, **more)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", rename)
    if step == "write":
        tree.write("/etc/a", "new\n", 0o600)
        # The text reaches the disk before the name, and the name before anything else.
        assert order == ["fsync file", "rename", "fsync folder"]
    else:
        with pytest.raises(Problem, match="/etc/a: can't be written: Input/output error"):
            tree.write("/etc/a", "new\n", 0o600)
        assert (tmp_path / "etc/a").read_text() == "old\n"


def test_no_link_is_followed(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key\n")
    (tmp_path / "etc/link").symlink_to(tmp_path / "secret")
    (tmp_path / "folder").symlink_to(tmp_path / "etc")
    with pytest.raises(Problem, match="/etc/link: can't be read"):
        tree.read("/etc/link")
    with pytest.raises(Problem, match="folder is a link"):
        tree.read("/folder/a")
    with pytest.raises(Problem, match="folder is a link"):
        tree.write("/folder/a", "x", 0o600)
    tree.write("/etc/link", "ours\n", 0o600)
    assert (tmp_path / "secret").read_text() == "key\n"
    (tmp_path / "etc/.b.spark-mesh").symlink_to(tmp_path / "secret")
    tree.write("/etc/b", "ours\n", 0o600)
    assert (tmp_path / "secret").read_text() == "key\n"


def test_only_regular_files_are_read_and_no_large_ones(tree: Tree, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "etc/fifo")
    with pytest.raises(Problem, match="no regular file"):
        tree.read("/etc/fifo")
    (tmp_path / "etc/large").write_bytes(b"x" * 11)
    with pytest.raises(Problem, match="more than 10 bytes"):
        tree.read("/etc/large", limit=10)
    assert tree.read("/etc/none") is None
    assert tree.read("/none/none") is None


def test_a_copy_has_mode_and_times(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "etc/a").write_text("a")
    (tmp_path / "etc/a").chmod(0o4750)
    os.utime(tmp_path / "etc/a", ns=(1_000_000_007, 2_000_000_009))
    tree.copy("/etc/a", "/etc/b")
    found = (tmp_path / "etc/b").stat()
    assert (found.st_mode & 0o7777, found.st_mtime_ns) == (0o4750, 2_000_000_009)


def test_a_tree_goes_with_links_in_it_and_not_what_they_lead_to(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/a").write_text("a")
    (tmp_path / "etc/ours/below").mkdir(parents=True)
    (tmp_path / "etc/ours/below/b").write_text("b")
    (tmp_path / "etc/ours/folder").symlink_to(tmp_path / "kept")
    (tmp_path / "etc/ours/file").symlink_to(tmp_path / "kept/a")
    tree.remove_tree("/etc/ours")
    tree.remove_tree("/etc/ours")
    assert os.listdir(tmp_path / "etc") == []
    assert (tmp_path / "kept/a").read_text() == "a"


def test_folders_are_made_on_the_way_and_only_empty_ones_removed(tree: Tree, tmp_path: Path) -> None:
    assert tree.make_folder("/var/lib/ours", 0o700)
    assert not tree.make_folder("/var/lib/ours", 0o700)
    assert (tmp_path / "var/lib/ours").stat().st_mode & 0o777 == 0o700
    tree.write("/var/lib/ours/a", "", 0o600)
    assert not tree.remove_folder("/var/lib/ours")
    assert tree.remove("/var/lib/ours/a")
    assert not tree.remove("/var/lib/ours/a")
    assert tree.remove_folder("/var/lib/ours")


def test_paths_are_absolute_and_stay_below_the_root(tree: Tree) -> None:
    for path in ("etc/a", "/etc/../a"):
        with pytest.raises(Problem, match="relative path"):
            tree.read(path)


def test_a_folder_that_is_missing_is_said(tree: Tree) -> None:
    with pytest.raises(Problem, match="/none: found no such folder, wanted one to write a into"):
        tree.write("/none/a", "", 0o600)


def test_a_mode_is_given_to_what_can_t_be_read_and_never_through_a_link(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "etc/a").write_text("a")
    (tmp_path / "etc/a").chmod(0)
    (tmp_path / "etc/link").symlink_to("a")
    tree.set_mode("/etc/a", 0o640)
    tree.set_mode("/etc", 0o750)
    with pytest.raises(Problem, match="/etc/link: can't be written"):
        tree.set_mode("/etc/link", 0o666)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("etc/a", "etc")] == [0o640, 0o750]
