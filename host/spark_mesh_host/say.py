"""What is said: to a person on stderr, to the control machine on stdout. Nothing else prints."""

import json
import sys
import unicodedata
from collections.abc import Mapping

ANSWER_MARK = "spark-mesh-answer "
"""What the line of an answer begins with; whatever else a login shell or a banner prints is none."""


class Problem(Exception):
    """Ends an operation. Its text is what was found, what was wanted, and what to do."""


def plain(text: str, limit: int = 2000) -> str:
    """One line without control and format characters, which a terminal would obey; `limit` in characters."""
    spaced = "".join(" " if character in "\t\n\r" else character for character in text)
    shown = "".join(character for character in spaced if unicodedata.category(character) not in ("Cc", "Cf", "Cs"))
    return " ".join(shown.split())[:limit]


def say(host: str, text: str) -> None:
    """Says a line to whoever runs the operation; nobody listening is no failure."""
    try:
        sys.stderr.write(f"{host}: {plain(text)}\n")
        sys.stderr.flush()
    except OSError:
        pass


def answer(value: Mapping[str, object]) -> None:
    """Gives the operation's result, once, at its very end."""
    sys.stdout.write(f"{ANSWER_MARK}{json.dumps(value, separators=(',', ':'))}\n")
    sys.stdout.flush()
