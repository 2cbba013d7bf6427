"""A sudoers file that lets the login user run the program's operations as root without a password."""

from ..kept import Kept
from ..record import STATE
from ..say import Problem
from .spec import SystemSpec

FILE = "/etc/sudoers.d/spark-mesh"
HEAD = """\
# Written by spark-mesh: "pulumi up" puts it back as it is here, "pulumi destroy" takes it away.
# Who may run all of these is root: among them are what starts containers and what brings a new program.
"""


def allow(kept: Kept, spec: SystemSpec) -> bool:
    """Puts the file in place if visudo takes it, and lets it stay if sudo does as it says; whether that changed anything."""
    machine = kept.machine
    text = render(spec, machine.run(["sh", "-c", "command -v bash"]).out.strip())
    # Not in sudoers.d, where sudo would read it.
    draft = f"{kept.folder}/sudoers.draft"
    machine.files.write(draft, text, 0o600)
    checked = machine.run(["visudo", "-c", "-f", draft])
    machine.files.remove(draft)
    if checked.code == 127:
        raise Problem("visudo not found; install sudo, or take sudoers out of spark-mesh:system")
    if checked.code != 0:
        raise Problem(f"{FILE}: visudo refuses it ({checked.said}); it was not put in place")
    changed = kept.write(FILE, text, 0o440)
    # The program ends at once where it is told nothing.
    tried = machine.run(["runuser", "-u", spec.user, "--", "sudo", "-k", "-n", _program(spec), spec.sudo_operations[0]])
    if tried.code != 0:
        kept.put_back(FILE)
        raise Problem(
            f"{FILE}: sudo asks {spec.user} all the same ({tried.said}); it was taken away again;"
            " see that /etc/sudoers includes /etc/sudoers.d, and that no later rule asks for a password"
        )
    return changed


def render(spec: SystemSpec, bash: str) -> str:
    """In quotes the name is a user's in any case, never an alias or ALL. sudo runs the program only while its digest is this."""
    commands = [f"sha256:{spec.program} {_program(spec)} {operation}" for operation in spec.sudo_operations]
    commands += [f"{bash} -s {script}" for script in spec.sudo_scripts]
    return f'{HEAD}"{spec.user}" ALL=(root) NOPASSWD: {", ".join(commands)}\n'


def _program(spec: SystemSpec) -> str:
    return f"{STATE}/program-{spec.program}"
