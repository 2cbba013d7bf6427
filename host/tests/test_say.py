import json

import pytest

from spark_mesh_host.say import ANSWER_MARK, answer, plain, say


def test_nothing_that_a_terminal_obeys_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    say("spark-1", "a\x1b[2J\x9b31mb\u202ec\u200bd\ne\tf\x00\r\n")
    assert capsys.readouterr().err == "spark-1: a[2J31mbcd e f\n"
    assert plain("x" * 5000, 10) == "x" * 10


def test_an_answer_is_one_marked_line(capsys: pytest.CaptureFixture[str]) -> None:
    answer({"id": "a\nb\x1b"})
    out = capsys.readouterr().out
    assert out.startswith(ANSWER_MARK) and out.count("\n") == 1 and "\x1b" not in out
    assert json.loads(out[len(ANSWER_MARK) :]) == {"id": "a\nb\x1b"}
