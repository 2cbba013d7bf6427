"""The program's own files on the host: they go with the last thing that is ours."""

from .machine import Machine
from .record import STATE


def is_left_alone(machine: Machine, besides: str = "") -> bool:
    """Whether nothing of ours is kept on the host but the program, and its folder `besides`."""
    return all(name == besides or name.startswith(("program-", ".program")) for name in machine.files.names(STATE))


def remove_program_with_the_last(machine: Machine) -> None:
    """Removes the program's files and the state's folder, where nothing else is kept there."""
    # What is still here is not done with; it may need the program.
    if is_left_alone(machine):
        for name in machine.files.names(STATE):
            machine.files.remove(f"{STATE}/{name}")
        machine.files.remove_folder(STATE)
