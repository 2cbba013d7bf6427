"""The program's own files on the host: they go with the last thing that is ours."""

from .machine import Machine
from .record import STATE


def remove_program_with_the_last(machine: Machine) -> None:
    """Removes the program's files and the state's folder, where nothing else is kept there."""
    names = machine.files.names(STATE)
    # What is still here is not done with; it may need the program.
    if all(name.startswith(("program-", ".program")) for name in names):
        for name in names:
            machine.files.remove(f"{STATE}/{name}")
        machine.files.remove_folder(STATE)
