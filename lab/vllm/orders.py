"""What the stand-in is told to do wrong, by environment variables; the docstring of `vllm` lists them."""

import os

PREFIX = "SPARK_MESH_LAB_"


class Orders:
    """The orders for one rank: none where SPARK_MESH_LAB_RANKS names others."""

    def __init__(self, rank, environment=os.environ):
        ranks = environment.get(f"{PREFIX}RANKS", "")
        meant = ranks == "" or str(rank) in ranks.split(",")
        self.values = environment if meant else {}

    def has(self, name):
        """Whether a switch is on."""
        return self.values.get(PREFIX + name, "") not in ("", "0")

    def number(self, name, otherwise):
        """A number, or what it is without an order."""
        text = self.values.get(PREFIX + name, "")
        return otherwise if text == "" else float(text)
