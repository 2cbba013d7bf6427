"""
The last thing at a destroy: whatever is still here of ours is taken away, also what an operation left that was cut and
that no state knows of. The deletion of something that is in state before anything else runs it.
"""

from .lock import host_lock
from .machine import Machine
from .program import is_left_alone, remove_program_with_the_last
from .record import STATE
from .spec import Head
from .system import remove_system
from .trust.as_login import remove_trust_of_login
from .unconfirmed import forget_unconfirmed


def leave(machine: Machine, spec: Head, _text: str = "") -> None:
    """Leaves nothing of the stack's on the host, this program neither. Raises Problem where another stack is there."""
    remove_system(machine, spec)
    if machine.files.stat(STATE) is not None:
        with host_lock(machine):
            forget_unconfirmed(machine, spec)
            if is_left_alone(machine):
                remove_trust_of_login(machine, spec)
            remove_program_with_the_last(machine)
