from pathlib import Path

import pytest

from spark_mesh_host.kept import Kept
from spark_mesh_host.say import Problem

from .machines import FakeMachine

FILE = "/etc/app/a.conf"


@pytest.fixture
def kept(fake: FakeMachine) -> Kept:
    (fake.root / "etc/app").mkdir(parents=True)
    fake.machine.files.make_folder("/var/lib/memory", 0o700)
    return Kept(fake.machine, "/var/lib/memory")


@pytest.mark.parametrize("before", [None, "theirs\n"])
def test_what_was_there_comes_back(fake: FakeMachine, kept: Kept, before: str | None) -> None:
    if before is not None:
        fake.put(FILE, before, 0o640)
    first = fake.everything()
    assert kept.write(FILE, "ours\n", 0o600)
    assert not kept.write(FILE, "ours\n", 0o600)
    assert kept.write(FILE, "ours again\n", 0o600)
    assert fake.text(FILE) == "ours again\n"
    assert kept.put_back(FILE)
    assert not kept.put_back(FILE)
    assert fake.everything() == first
    assert fake.said == []


@pytest.mark.parametrize("before", [None, "theirs\n"])
def test_what_somebody_wrote_after_us_stays_and_is_said(fake: FakeMachine, kept: Kept, before: str | None) -> None:
    if before is not None:
        fake.put(FILE, before)
    kept.write(FILE, "ours\n", 0o600)
    fake.put(FILE, "an admin's\n")
    kept.put_back(FILE)
    assert fake.text(FILE) == "an admin's\n"
    assert fake.text(f"{FILE}.spark-mesh") == "ours\n"
    assert fake.text(f"{FILE}.before-spark-mesh") == before
    assert fake.said[0].startswith(f"{FILE}: was changed by somebody else since the last run, and stays")
    assert fake.machine.files.names("/var/lib/memory") == []


def test_a_file_that_somebody_put_back_himself_is_left(fake: FakeMachine, kept: Kept) -> None:
    fake.put(FILE, "theirs\n")
    first = fake.everything()
    kept.write(FILE, "ours\n", 0o644)
    fake.put(FILE, "theirs\n")
    kept.put_back(FILE)
    assert (fake.everything(), fake.said) == (first, [])


def test_a_file_that_somebody_removed_gives_back_what_was_before_us(fake: FakeMachine, kept: Kept) -> None:
    fake.put(FILE, "theirs\n")
    kept.write(FILE, "ours\n", 0o600)
    (fake.root / FILE.lstrip("/")).unlink()
    kept.put_back(FILE)
    assert fake.text(FILE) == "theirs\n"


def test_ours_from_a_run_whose_memory_is_lost_is_not_taken_for_theirs(fake: FakeMachine, kept: Kept) -> None:
    fake.put(FILE, "ours\n")
    kept.write(FILE, "ours\n", 0o644)
    kept.put_back(FILE)
    assert fake.text(FILE) is None


def test_a_link_is_refused_before_anything_is_touched(fake: FakeMachine, kept: Kept) -> None:
    Path(fake.root / "etc/app/a.conf").symlink_to("/etc/passwd")
    first = fake.everything()
    with pytest.raises(Problem, match=r"a\.conf is a link"):
        kept.write(FILE, "ours\n", 0o600)
    assert fake.everything() == first


def test_a_folder_that_somebody_uses_stays(fake: FakeMachine, kept: Kept) -> None:
    kept.make_folder("/etc/new")
    fake.put("/etc/new/theirs", "")
    kept.put_back_folder("/etc/new")
    assert (fake.root / "etc/new/theirs").exists()
    kept.make_folder("/etc/other")
    kept.put_back_folder("/etc/other")
    assert not (fake.root / "etc/other").exists()
