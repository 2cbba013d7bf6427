"""earlyoom with our arguments: a drop-in for its unit, which runs, and starts with the host."""

from ..kept import Kept
from ..machine import Machine
from ..process import Result
from ..say import Problem

UNIT = "earlyoom.service"
FOLDER = f"/etc/systemd/system/{UNIT}.d"
FILE = f"{FOLDER}/90-spark-mesh-earlyoom.conf"
SECONDS = 5
"""How long the unit has to run with new arguments."""


def guard(kept: Kept, arguments: str) -> bool:
    """Has earlyoom run with these arguments, now and after every boot; whether that changed anything."""
    machine = kept.machine
    loaded = _property(machine, "LoadState")
    if loaded != "loaded":
        raise Problem(
            f"{UNIT}: found {loaded}, wanted loaded; install earlyoom and unmask its unit,"
            " or take earlyoom out of spark-mesh:system"
        )
    if machine.files.stat(_memory(kept)) is None:
        before = f"{_property(machine, 'UnitFileState')} {_property(machine, 'ActiveState')}\n"
        machine.files.write(_memory(kept), before, 0o600)
    kept.make_folder(FOLDER)
    changed = kept.write(FILE, _render(arguments), 0o644)
    if _guards(machine, arguments):
        return changed
    machine.run(["systemctl", "daemon-reload"])
    _enable(machine, "enable")
    machine.run(["systemctl", "restart", UNIT])
    if not machine.within(SECONDS, lambda: _guards(machine, arguments)):
        raise Problem(
            f"{UNIT}: found {_property(machine, 'ActiveState')} with other arguments or none {SECONDS} s after its start,"
            f" wanted active with those of {FILE}; see which other file sets them: systemctl cat earlyoom, and what it says:"
            " journalctl -u earlyoom"
        )
    return True


def give_back(kept: Kept) -> bool:
    """Gives the unit back as it was: its files, whether it starts with the host, and whether it runs."""
    machine = kept.machine
    before = machine.files.text(_memory(kept))
    if before is None:
        return False
    enabled, _, active = before.strip().partition(" ")
    kept.put_back(FILE)
    kept.put_back_folder(FOLDER)
    machine.run(["systemctl", "daemon-reload"])
    # Not where somebody removed or masked it.
    if _property(machine, "LoadState") == "loaded":
        _enable(machine, "enable" if enabled == "enabled" else "disable")
        machine.run(["systemctl", "restart" if active == "active" else "stop", UNIT])
    machine.files.remove(_memory(kept))
    return True


def _memory(kept: Kept) -> str:
    return f"{kept.folder}/earlyoom"


def _render(arguments: str) -> str:
    """The package's unit reads /etc/default/earlyoom, which wins over an Environment as long as it is read."""
    return (
        '# Written by spark-mesh: "pulumi up" puts it back as it is here, "pulumi destroy" takes it away.\n'
        f'[Service]\nEnvironmentFile=\nEnvironment="EARLYOOM_ARGS={arguments}"\n'
    )


def _enable(machine: Machine, verb: str) -> Result:
    """The package has a System V script besides, whose links are none of ours."""
    return machine.run(["systemctl", "--quiet", verb, UNIT], environment={"SYSTEMCTL_SKIP_SYSV": "1"})


def _guards(machine: Machine, arguments: str) -> bool:
    return (
        _property(machine, "UnitFileState") == "enabled"
        and _property(machine, "ActiveState") == "active"
        and _property(machine, "NeedDaemonReload") == "no"
        and _command(machine).endswith(f"/earlyoom {arguments}")
    )


def _property(machine: Machine, name: str) -> str:
    return machine.run(["systemctl", "show", "--property", name, "--value", UNIT]).out.strip()


def _command(machine: Machine) -> str:
    """What it runs as, its words separated by one space."""
    process = _property(machine, "MainPID")
    command = machine.files.text(f"/proc/{process}/cmdline") if process.isdigit() else None
    return " ".join((command or "").rstrip("\0").split("\0"))
