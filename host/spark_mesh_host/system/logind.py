"""A drop-in that has logind leave a user's shared memory alone after the last logout. It needs no restart for that."""

from ..kept import Kept
from ..machine import Machine
from ..say import Problem

FILE = "/etc/systemd/logind.conf.d/90-spark-mesh.conf"
FOLDER = "/etc/systemd/logind.conf.d"
TEXT = """\
# Written by spark-mesh: "pulumi up" puts it back as it is here, "pulumi destroy" takes it away.
[Login]
RemoveIPC=no
"""
MANAGER = ["org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"]
SECONDS = 5
"""How long logind has to take up a new setting."""


def keep_ipc(kept: Kept) -> bool:
    """Has logind leave shared memory alone; whether that changed anything."""
    machine = kept.machine
    kept.make_folder(FOLDER)
    changed = kept.write(FILE, TEXT, 0o644)
    if not _runs(machine) or _keeps_ipc(machine):
        return changed
    _reload(machine)
    if not machine.within(SECONDS, lambda: _keeps_ipc(machine)):
        raise Problem(
            f"logind: RemoveIPC: found yes {SECONDS} s after it read {FILE}, wanted no;"
            " see which other file sets it: systemd-analyze cat-config systemd/logind.conf"
        )
    return True


def give_back(kept: Kept) -> bool:
    """Gives back what was before us; whether there was anything of ours."""
    changed = kept.put_back(FILE)
    if changed and _runs(kept.machine):
        _reload(kept.machine)
    kept.put_back_folder(FOLDER)
    return changed


def _runs(machine: Machine) -> bool:
    return machine.run(["systemctl", "is-active", "--quiet", "systemd-logind"]).code == 0


def _reload(machine: Machine) -> None:
    machine.run(["systemctl", "kill", "--signal=HUP", "systemd-logind"])


def _keeps_ipc(machine: Machine) -> bool:
    found = machine.run(["busctl", "--timeout=5", "get-property", *MANAGER, "RemoveIPC"])
    return found.out.strip() == "b false"
