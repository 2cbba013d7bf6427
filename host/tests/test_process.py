import os
import sys
import time

import pytest

from spark_mesh_host.process import run
from spark_mesh_host.say import Problem


def test_a_command_has_an_environment_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("LD_PRELOAD", "")
    names = [line.split("=")[0] for line in run(["env"], environment={"MORE": "1"}).out.splitlines()]
    assert sorted(set(names) - {"PWD", "SHLVL", "_"}) == ["LC_ALL", "MORE", "PATH"]


def test_stdin_output_and_status() -> None:
    result = run(["sh", "-c", "cat; echo words >&2; exit 3"], stdin="x" * 300_000)
    assert (result.code, len(result.out), result.said) == (3, 300_000, "words")
    assert run(["true"], stdin="x" * 300_000).code == 0
    assert run(["no-such-program-here"]).code == 127


def test_more_output_than_the_limit_is_read_and_not_kept() -> None:
    result = run(["sh", "-c", "head -c 3000000 /dev/zero; exit 4"], limit=1000)
    assert (result.code, len(result.out)) == (4, 1000)


def test_what_takes_too_long_is_ended_with_all_that_it_started_and_its_last_words_are_said() -> None:
    began = time.monotonic()
    with pytest.raises(Problem) as raised:
        run(["sh", "-c", "echo $$; echo last words >&2; sleep 60 & sleep 60"], seconds=1)
    assert time.monotonic() - began < 20
    assert "took more than 1 s: last words" in str(raised.value)


def test_no_descriptor_is_inherited() -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    try:
        look = f"import os\ntry:\n os.fstat({writer})\n print('open')\nexcept OSError:\n print('closed')"
        found = run([sys.executable, "-c", look])
        assert found.out.strip() == "closed"
    finally:
        os.close(reader)
        os.close(writer)
