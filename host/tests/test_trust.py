import json
import os
from pathlib import Path
from typing import Any

import pytest

from spark_mesh_host import files
from spark_mesh_host.process import Result
from spark_mesh_host.say import ANSWER_MARK, Problem
from spark_mesh_host.spec import Head, Named, read_spec
from spark_mesh_host.trust import ask_rotation, make_key, make_trust, remove_trust
from spark_mesh_host.trust.spec import TrustSpec

from .machines import FakeMachine, done, failed

SPEC = json.loads((Path(__file__).parent.parent / "specs/trust.json").read_text())["base"]
BLOCKS = SPEC["blocks"]
HEAD = Head(host="spark-1", stack=SPEC["stack"])
RIVAL = Head(host="spark-1", stack="me/spark-mesh/rival")
HOME = "/home/nvidia"
SSH = f"{HOME}/.ssh"
OWN = f"{SSH}/spark-mesh"
MINE = {
    "authorized_keys": "ssh-ed25519 AAAA me\n# without a newline at its end",
    "known_hosts": "|1|c2FsdA==|aGFzaA== ssh-ed25519 AAAA\r\n\x00\xff@cert-authority * ssh-rsa AAAA\n",
    "config": "Compression yes\n",
}


class Host(FakeMachine):
    """A host whose ssh-keygen makes `PRIVATE n` for the public key of number n."""

    def __init__(self, root: Path, capture: pytest.CaptureFixture[str]) -> None:
        super().__init__(root)
        self.capture = capture
        self.made = 0
        (self.root / HOME.lstrip("/")).mkdir(parents=True)
        self.runner.expect(
            {
                f"ssh-keygen -q -t ed25519 -N  -C spark-mesh:spark-1 -f {OWN}/new": self.generate,
                f"ssh-keygen -y -P  -f {OWN}/id_ed25519": self.derive,
            }
        )

    def generate(self) -> Result:
        self.made += 1
        assert self.text(f"{OWN}/new") is None
        self.put(f"{OWN}/new", f"PRIVATE {self.made}", 0o600)
        self.put(f"{OWN}/new.pub", f"ssh-ed25519 KEY{self.made} spark-mesh:spark-1\n")
        return done()

    def derive(self) -> Result:
        private = self.text(f"{OWN}/id_ed25519") or ""
        return done(f"ssh-ed25519 KEY{private[8:]} comment\n") if private.startswith("PRIVATE ") else failed("bad")

    def answer(self) -> Any:
        return json.loads(self.capture.readouterr().out.removeprefix(ANSWER_MARK))

    def key(self, head: Head = HEAD) -> str:
        make_key(self.machine, head)
        return str(self.answer()["publicKey"])

    def trust(self, **change: Any) -> None:
        text = json.dumps({**SPEC, "public_key": f"ssh-ed25519 KEY{self.made}", **change})
        make_trust(self.machine, read_spec(TrustSpec, text))

    def distrust(self, head: Head = HEAD) -> None:
        remove_trust(self.machine, head)

    def write_mine(self) -> None:
        (self.root / SSH.lstrip("/")).mkdir(mode=0o700, exist_ok=True)
        for name, text in MINE.items():
            file = self.root / SSH.lstrip("/") / name
            file.write_bytes(text.encode("latin-1"))
            file.chmod(0o600)

    def read(self, name: str) -> bytes:
        return (self.root / SSH.lstrip("/") / name).read_bytes()

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.root / SSH.lstrip("/") / name
        assert old.encode() in file.read_bytes()
        file.write_bytes(file.read_bytes().replace(old.encode(), new.encode(), 1))

    def modes(self) -> dict[str, str]:
        """Type and mode of all in the home."""
        found = sorted((self.root / HOME.lstrip("/")).rglob("*"))
        return {str(path.relative_to(self.root)): f"{path.lstat().st_mode:o}" for path in found}

    def tree(self) -> dict[str, tuple[str, bytes]]:
        """All of the home: type, mode and bytes by name."""
        found = {}
        for path in sorted((self.root / HOME.lstrip("/")).rglob("*")):
            data = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
            found[str(path.relative_to(self.root))] = (f"{path.lstat().st_mode:o}", data)
        return found


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


def test_a_former_block_of_ours_is_ours_after_a_run_that_was_cut(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write_mine()
    before = host.tree()
    host.key()
    host.trust()
    real = os.rename

    def cut(old: str, new: str, **more: Any) -> None:
        if new == "authorized_keys":
            raise SystemExit(143)
        real(old, new, **more)

    other = {name: text.replace("10.0.0.12", "10.0.0.99").replace("177", "188") for name, text in BLOCKS.items()}
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", cut)
        with pytest.raises(SystemExit):
            host.trust(blocks=other)
    assert host.read("authorized_keys").startswith(BLOCKS["authorized_keys"].encode())
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


def test_rotation_is_asked_for_where_there_is_a_key_and_once(host: Host) -> None:
    outcomes = []
    for prepare in (lambda: None, host.key, lambda: None):
        prepare()
        ask_rotation(host.machine, Named(host="spark-1"))
        outcomes.append(host.answer()["rotation"])
    assert outcomes == ["noKey", "asked", "already"]
    assert host.key() == "ssh-ed25519 KEY2"
