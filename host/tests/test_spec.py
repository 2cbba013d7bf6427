import dataclasses
import json
import random
from pathlib import Path
from typing import Any

import pytest

from spark_mesh_host.say import Problem
from spark_mesh_host.spec import LIMIT, Head, read_spec
from spark_mesh_host.system.spec import SystemSpec
from spark_mesh_host.trust.spec import TrustSpec

SPECS: dict[str, type[Head]] = {"system": SystemSpec, "trust": TrustSpec}
FOLDER = Path(__file__).parent.parent / "specs"


def cases(kind: str) -> list[Any]:
    found = []
    for name in SPECS:
        content = json.loads((FOLDER / f"{name}.json").read_text())
        found += [
            pytest.param(name, {**content["base"], **change}, id=f"{name}: {what}")
            for what, change in content[kind].items()
        ]
    return found


@pytest.mark.parametrize(("name", "value"), cases("accepted"))
def test_what_zod_accepts_is_read(name: str, value: dict[str, Any]) -> None:
    spec = read_spec(SPECS[name], json.dumps(value))
    assert json.loads(json.dumps(dataclasses.asdict(spec))) == value


@pytest.mark.parametrize(("name", "value"), cases("refused"))
def test_what_zod_refuses_is_refused(name: str, value: dict[str, Any]) -> None:
    with pytest.raises(Problem):
        read_spec(SPECS[name], json.dumps(value))


@pytest.mark.parametrize("name", SPECS)
def test_every_key_is_needed(name: str) -> None:
    base = json.loads((FOLDER / f"{name}.json").read_text())["base"]
    for key in base:
        if key == "earlyoom":
            continue
        with pytest.raises(Problem, match=f"found no {key}"):
            read_spec(SPECS[name], json.dumps({one: base[one] for one in base if one != key}))


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "[" * 100_000, '"x"', " " * (LIMIT + 1)])
def test_what_is_no_spec_is_a_problem(text: str) -> None:
    with pytest.raises(Problem):
        read_spec(SystemSpec, text)


@pytest.mark.parametrize("name", SPECS)
def test_a_hostile_spec_is_read_or_refused_and_never_more(name: str) -> None:
    base = json.loads((FOLDER / f"{name}.json").read_text())["base"]
    pieces: list[Any] = [
        "$(id)",
        "\n",
        "\x1b[2J",
        "é",
        '"',
        "\\",
        "..",
        None,
        1e400,
        [],
        {},
        True,
        -1,
        "a" * 5000,
        [[[]]],
    ]
    rng = random.Random(7)
    for _ in range(2000):
        value = dict(base)
        for _ in range(rng.randint(1, 3)):
            value[rng.choice([*base, "more"])] = rng.choice(pieces)
        try:
            read_spec(SPECS[name], json.dumps(value))
        except Problem as problem:
            assert "\x1b" not in str(problem)
