"""The spec of `system` and `unsystem`."""

from dataclasses import dataclass
from typing import Annotated

from ..spec import Change, Digest, Matches, User, Word

EarlyoomArguments = Annotated[str, Matches(r"-[A-Za-z0-9 ,:()|^-]{1,300}")]


@dataclass(frozen=True, kw_only=True)
class SystemSpec(Change):
    """What a host's system is to be besides its network; what is left out is left alone, or given back."""

    digest: Digest
    """Of the desired state: what the record is known by."""
    user: User
    """The login user."""
    docker_group: bool
    """He is a member of the group docker."""
    sudo_operations: tuple[Word, ...]
    """The program's operations that he may run as root without a password; none: there is no sudoers file of ours."""
    sudo_scripts: tuple[Word, ...]
    """Likewise, those that are still read from standard input by bash."""
    remove_ipc: bool
    """Whether logind removes a user's shared memory at the last logout. True: what was there before decides."""
    earlyoom: EarlyoomArguments | None = None
    """The arguments of earlyoom, where it is declared."""
