"""What becomes of the lines and modes in ~/.ssh."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from spark_mesh_host.say import Problem

from .trusting import BLOCKS, MINE, OWN, SPEC, SSH, Host


@pytest.fixture
def host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Host:
    return Host(tmp_path, capsys)


def test_a_home_without_ssh_gets_all_of_it_and_is_without_it_again(host: Host) -> None:
    before = host.tree()
    assert host.key() == "ssh-ed25519 KEY1"
    host.trust()
    assert {name: host.text(f"{SSH}/{name}") for name in BLOCKS} == BLOCKS
    assert {name.removeprefix("home/nvidia/.ssh"): mode for name, mode in host.modes().items()} == {
        "": "40700",
        "/authorized_keys": "100600",
        "/config": "100600",
        "/known_hosts": "100600",
        "/spark-mesh": "40700",
        "/spark-mesh/id_ed25519": "100600",
        "/spark-mesh/id_ed25519.pub": "100644",
        "/spark-mesh/lock": "100600",
        "/spark-mesh/memory.json": "100600",
        "/spark-mesh/record.json": "100600",
    }
    record = json.loads(host.text(f"{OWN}/record.json") or "")
    assert (record["version"], record["publicKey"]) == (1, "ssh-ed25519 KEY1")
    assert record["peers"][1] == {
        "host": "spark-2",
        "user": "nvidia",
        "port": 22,
        "hostKey": SPEC["peers"][1]["host_key"],
        "names": SPEC["peers"][1]["names"],
        "publicKey": SPEC["peers"][1]["public_key"],
    }
    host.distrust()
    assert host.tree() == before and host.said == []
    host.distrust()
    assert host.tree() == before


def test_a_second_run_writes_nothing(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write_mine()
    host.key()
    host.trust()
    wrote: list[str] = []
    monkeypatch.setattr(os, "rename", lambda *words, **more: wrote.append(words[1]))
    monkeypatch.setattr(os, "chmod", lambda *words, **more: wrote.append(words[0]))
    assert host.key() == "ssh-ed25519 KEY1"
    host.trust()
    assert wrote == []


def test_what_is_not_ours_stays_byte_for_byte_and_comes_back_with_its_modes(host: Host) -> None:
    host.write_mine()
    (host.root / SSH.lstrip("/")).chmod(0o775)
    (host.root / SSH.lstrip("/") / "authorized_keys").chmod(0o664)
    before = host.tree()
    host.key()
    host.trust()
    for name, text in MINE.items():
        assert host.read(name) == BLOCKS[name].encode() + text.encode("latin-1")
    after = host.tree()
    assert (after["home/nvidia/.ssh"][0], after["home/nvidia/.ssh/authorized_keys"][0]) == ("40755", "100644")
    host.distrust()
    assert host.tree() == before


def test_a_mode_that_somebody_chose_since_stays(host: Host) -> None:
    host.write_mine()
    (host.root / SSH.lstrip("/") / "config").chmod(0o664)
    host.key()
    host.trust()
    (host.root / SSH.lstrip("/") / "config").chmod(0o600)
    host.distrust()
    assert host.tree()["home/nvidia/.ssh/config"] == ("100600", MINE["config"].encode())


def test_a_block_is_mended_wherever_it_stands(host: Host) -> None:
    host.key()
    host.trust()
    host.edit("authorized_keys", BLOCKS["authorized_keys"], f"above\n{BLOCKS['authorized_keys']}below")
    host.edit("authorized_keys", "restrict,", "")
    host.edit("known_hosts", "spark-2,", "spark-9,")
    (host.root / SSH.lstrip("/") / "config").unlink()
    host.trust()
    assert host.read("authorized_keys") == f"{BLOCKS['authorized_keys']}above\nbelow".encode()
    assert host.read("known_hosts") == BLOCKS["known_hosts"].encode()
    host.distrust()
    assert sorted(host.tree()) == ["home/nvidia/.ssh", "home/nvidia/.ssh/authorized_keys"]
    assert host.read("authorized_keys") == b"above\nbelow"


@pytest.mark.parametrize("name", ["authorized_keys", "known_hosts"])
def test_a_line_that_somebody_wrote_among_ours_stays_and_ours_go(host: Host, name: str) -> None:
    host.write_mine()
    host.key()
    host.trust()
    host.edit(name, "\n", "\nssh-ed25519 THEIRS them\n")
    host.distrust()
    assert host.read(name) == b"ssh-ed25519 THEIRS them\n" + MINE[name].encode("latin-1")
    assert host.text(f"{SSH}/{name}.spark-mesh") == BLOCKS[name]
    assert host.said == [
        f"~/.ssh/{name}: lines in our block were changed by somebody else since the last run, and stay;"
        f" our block is at ~/.ssh/{name}.spark-mesh"
    ]


def test_a_line_of_ours_that_somebody_changed_stays_as_it_is(host: Host) -> None:
    host.key()
    host.trust()
    host.edit("authorized_keys", "restrict,pty", "pty")
    host.distrust()
    assert host.read("authorized_keys").startswith(b'pty,from="10.0.0.12') and b"BEGIN" not in host.read(
        "authorized_keys"
    )


def test_a_line_of_ours_that_somebody_took_away_is_no_loss(host: Host) -> None:
    host.write_mine()
    before = host.tree()
    host.key()
    host.trust()
    host.edit("known_hosts", BLOCKS["known_hosts"].split("\n")[1] + "\n", "")
    host.distrust()
    assert host.tree() == before and host.said == []


def test_a_changed_block_of_config_stays_whole(host: Host) -> None:
    """A line of theirs alone would count for every host."""
    host.write_mine()
    host.key()
    host.trust()
    host.edit("config", "HostName 192.168.177.12", "HostName 192.0.2.1")
    changed = host.read("config")
    host.distrust()
    assert host.read("config") == changed
    assert host.text(f"{SSH}/config.spark-mesh") == BLOCKS["config"]
    assert "stays; ours is at ~/.ssh/config.spark-mesh" in host.said[0]


def test_a_block_without_its_last_newline_is_ours(host: Host) -> None:
    host.key()
    host.trust()
    host.edit("config", "# END spark-mesh\n", "# END spark-mesh")
    host.distrust()
    assert host.tree() == {}


@pytest.mark.parametrize("name", ["authorized_keys", "known_hosts", "config"])
def test_either_block_of_ours_is_ours_after_a_run_that_was_cut(
    host: Host, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    host.write_mine()
    before = host.tree()
    host.key()
    host.trust()
    real = os.rename

    def cut(old: str, new: str, **more: Any) -> None:
        if new == name:
            raise SystemExit(143)
        real(old, new, **more)

    other = {name: text.replace("10.0.0.12", "10.0.0.99").replace("177", "188") for name, text in BLOCKS.items()}
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", cut)
        with pytest.raises(SystemExit):
            host.trust(blocks=other)
    host.distrust()
    assert host.tree() == before and host.said == []


def test_where_nothing_is_remembered_the_block_goes_and_is_kept_beside(host: Host) -> None:
    host.write_mine()
    host.key()
    host.trust()
    host.edit("authorized_keys", "\n", "\nssh-ed25519 THEIRS them\n")
    host.machine.files.remove_tree(OWN)
    host.distrust()
    assert host.read("authorized_keys") == b"ssh-ed25519 THEIRS them\n" + MINE["authorized_keys"].encode()
    assert host.read("config") == MINE["config"].encode()
    assert (host.text(f"{SSH}/authorized_keys.spark-mesh") or "").count("\n") == 4
    assert len(host.said) == 3


def test_nothing_of_ours_is_left_where_our_folder_was_removed_by_hand(host: Host) -> None:
    host.put(f"{SSH}/config", MINE["config"], 0o600)
    (host.root / SSH.lstrip("/")).chmod(0o700)
    before = host.tree()
    host.key()
    host.trust()
    host.machine.files.remove_tree(OWN)
    host.key()
    host.trust()
    host.distrust()
    assert host.tree() == before


@pytest.mark.parametrize(
    "text",
    [
        "# BEGIN spark-mesh: x\nmine\n",
        "mine\n# END spark-mesh\n",
        "# END spark-mesh\n# BEGIN spark-mesh: x\n",
        "# BEGIN spark-mesh: x\n# BEGIN spark-mesh: x\n# END spark-mesh\n# END spark-mesh\n",
        "# BEGIN spark-mesh: x\n# END spark-mesh\nmine\n# BEGIN spark-mesh: x\n# END spark-mesh\n",
    ],
)
def test_where_nobody_can_tell_what_is_ours_nothing_is_touched(host: Host, text: str) -> None:
    host.write_mine()
    host.put(f"{SSH}/known_hosts", text)
    before = host.tree()
    with pytest.raises(Problem, match=r'^~/\.ssh/known_hosts: found lines "# BEGIN spark-mesh"'):
        host.key()
    assert host.tree() == before
    host.write_mine()
    host.key()
    host.trust()
    host.put(f"{SSH}/known_hosts", text)
    before = host.tree()
    for operation in (host.trust, host.distrust):
        with pytest.raises(Problem, match="take them out by hand"):
            operation()
        assert host.tree() == before


def test_text_that_only_resembles_a_marker_is_nobody_s_but_the_user_s(host: Host) -> None:
    host.put(f"{SSH}/config", " # BEGIN spark-mesh: x\n# END spark-mesh of old\n", 0o600)
    before = host.tree()
    host.key()
    host.trust()
    host.distrust()
    assert host.tree() == before


def test_a_key_that_no_trust_ever_told_of_goes_too(host: Host) -> None:
    host.write_mine()
    before = host.tree()
    host.key()
    host.distrust()
    assert host.tree() == before


def test_a_memory_that_somebody_spoiled_loses_nothing(host: Host) -> None:
    host.write_mine()
    host.key()
    host.trust()
    for text in ("", "[]", '{"before": {"": "99999"}, "written": {"config": [7]}}', '{"before": 1}'):
        host.put(f"{OWN}/memory.json", text)
        host.trust()
    host.distrust()
    for name, mine in MINE.items():
        assert host.read(name) == mine.encode("latin-1")


def test_what_others_can_write_is_closed_again(host: Host) -> None:
    host.key()
    host.trust()
    (host.root / SSH.lstrip("/") / "config").chmod(0o666)
    (host.root / SSH.lstrip("/")).chmod(0o770)
    host.trust()
    assert (host.modes()["home/nvidia/.ssh/config"], host.modes()["home/nvidia/.ssh"]) == ("100644", "40750")
