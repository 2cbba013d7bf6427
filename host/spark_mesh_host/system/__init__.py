"""
What the mesh looks after on a host besides its network, each part only where it is declared: membership of docker, the sudoers
file, logind's RemoveIPC, earlyoom.
"""

from ..kept import Kept
from ..lock import host_lock
from ..machine import Machine
from ..program import is_left_alone, remove_program_with_the_last
from ..record import STATE, read_record, refuse_other_stack, write_record
from ..spec import Head
from ..trust.as_login import remove_trust_of_login
from . import docker_group, earlyoom, logind, sudoers
from .spec import SystemSpec

FOLDER = f"{STATE}/system"
RECORD = f"{FOLDER}/record.json"
ORIGINAL = f"{FOLDER}/original"


def make_system(machine: Machine, spec: SystemSpec, text: str) -> None:
    """Makes true what is declared and gives back what isn't. Safe to run again wherever it was cut short."""
    with host_lock(machine):
        refuse_other_stack(machine.files, RECORD, spec)
        first_visit = not read_record(machine.files, RECORD)
        try:
            changed = _make(machine, spec)
            write_record(
                machine,
                RECORD,
                spec,
                digest=spec.digest,
                spec=text,
                files=[file for file in (sudoers.FILE, logind.FILE, earlyoom.FILE) if _kept(machine).knows(file)],
                changed=changed,
            )
        except BaseException:
            # A create that fails is in no state: nobody would come to undo it.
            if first_visit:
                put_system_back(machine)
            raise


def remove_system(machine: Machine, spec: Head, _text: str = "") -> None:
    """Leaves the host's system as we found it."""
    if machine.files.stat(FOLDER) is None:
        return
    with host_lock(machine):
        refuse_other_stack(machine.files, RECORD, spec)
        # Without the sudoers file there may be nobody to come for what is left.
        if is_left_alone(machine, besides="system"):
            remove_trust_of_login(machine, spec)
        put_system_back(machine)
        remove_program_with_the_last(machine)


def _make(machine: Machine, spec: SystemSpec) -> bool:
    """Whether anything had to be changed."""
    machine.files.make_folder(FOLDER, 0o755)
    machine.files.make_folder(ORIGINAL, 0o700)
    kept = _kept(machine)
    joined = docker_group.join(machine, ORIGINAL, spec.user) if spec.docker_group else False
    changes = [
        joined if spec.docker_group else docker_group.leave(machine, ORIGINAL),
        logind.give_back(kept) if spec.remove_ipc else logind.keep_ipc(kept),
        earlyoom.guard(kept, spec.earlyoom) if spec.earlyoom is not None else earlyoom.give_back(kept),
        # Last, as it is given back last: what comes before it may need it.
        sudoers.allow(kept, spec) if spec.sudo_operations else kept.put_back(sudoers.FILE),
    ]
    if joined:
        machine.say(
            f"{spec.user} is a member of docker from the next login on; sessions that are open keep the groups they have"
        )
    return any(changes)


def put_system_back(machine: Machine) -> None:
    """Gives back all that was there before; the sudoers file goes last, for without it nobody may come again."""
    kept = _kept(machine)
    docker_group.leave(machine, ORIGINAL)
    logind.give_back(kept)
    earlyoom.give_back(kept)
    kept.put_back(sudoers.FILE)
    machine.files.remove_tree(FOLDER)


def _kept(machine: Machine) -> Kept:
    return Kept(machine, ORIGINAL)
