"""A host whose SSH trust is made, with files of its user's own in ~/.ssh."""

import json
from pathlib import Path
from typing import Any

import pytest

from spark_mesh_host.process import Result
from spark_mesh_host.say import ANSWER_MARK
from spark_mesh_host.spec import Head, read_spec
from spark_mesh_host.trust import make_key, make_trust, remove_trust
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
