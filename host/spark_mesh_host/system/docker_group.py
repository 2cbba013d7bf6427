"""The login user's membership of docker. What was before us is in the memory's file `docker`: `USER member|outside`."""

from ..machine import Machine
from ..say import Problem


def join(machine: Machine, memory: str, user: str) -> bool:
    """Has the user be a member; whether he was made one now."""
    if machine.run(["getent", "group", "docker"]).code != 0:
        raise Problem(
            "group docker: found none, wanted one; install Docker, or take dockerGroup out of spark-mesh:system"
        )
    file = f"{memory}/docker"
    if (machine.files.text(file) or "").split(" ")[0] != user:
        leave(machine, memory)
        before = "member" if _is_member(machine, user) else "outside"
        machine.files.write(file, f"{user} {before}\n", 0o600)
    if _is_member(machine, user):
        return False
    _must(machine, ["gpasswd", "-a", user, "docker"])
    return True


def leave(machine: Machine, memory: str) -> bool:
    """Takes out the user whom we put in; one who was a member before us stays. Whether there was anybody of ours."""
    file = f"{memory}/docker"
    text = machine.files.text(file)
    if text is None:
        return False
    member, _, before = text.strip().partition(" ")
    if before == "outside" and _is_member(machine, member):
        _must(machine, ["gpasswd", "-d", member, "docker"])
    machine.files.remove(file)
    return True


def _is_member(machine: Machine, user: str) -> bool:
    return "docker" in machine.run(["id", "-nG", "--", user]).out.split()


def _must(machine: Machine, argv: list[str]) -> None:
    result = machine.run(argv)
    if result.code != 0:
        raise Problem(f"{' '.join(argv)}: failed with status {result.code}: {result.said}")
