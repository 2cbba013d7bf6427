"""The spec of `trust`."""

from dataclasses import dataclass
from typing import Annotated

from ..spec import Head, HostName, Matches, Port, User

Key = Annotated[str, Matches(r"ssh-ed25519 [A-Za-z0-9+/]{1,200}={0,2}")]
Name = Annotated[str, Matches(r"[A-Za-z0-9_:][A-Za-z0-9._:-]{0,252}")]
Block = Annotated[
    str,
    Matches(r"# BEGIN spark-mesh: [ -~]*\n(?:(?!# BEGIN spark-mesh:|# END spark-mesh\n)[ -~]*\n)*# END spark-mesh\n"),
]


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One Spark as the others log in to it."""

    host: HostName
    user: User
    port: Port
    host_key: Key
    names: tuple[Name, ...]
    """Its other names and addresses."""
    public_key: Key
    """Of the key pair that it logs in to the others with."""


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """Our lines in the files of ~/.ssh, markers and all, by the file's name."""

    authorized_keys: Block
    known_hosts: Block
    config: Block


@dataclass(frozen=True, kw_only=True)
class TrustSpec(Head):
    """What a host's ~/.ssh is to say of the others."""

    public_key: Key
    """The one of this host that the others are told of."""
    blocks: Blocks
    peers: tuple[Peer, ...]
    """Every Spark of the mesh, this one too: what the record keeps."""
