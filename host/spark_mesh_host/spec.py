"""
Specs: what an operation is told to make true, JSON with one schema. Here it is dataclasses, in `plan/spec/` zod; the
files in `host/specs/` are given to both.
"""

import dataclasses
import json
import re
import types
import typing
from typing import Annotated, Any, TypeVar

from .say import Problem, plain

LIMIT = 1 << 20
"""Bytes of a spec."""
LIST_LIMIT = 4096

Shape = TypeVar("Shape")


@dataclasses.dataclass(frozen=True)
class Matches:
    """What a string has to be, from its first character to its last."""

    pattern: str

    def holds(self, text: str) -> bool:
        return re.fullmatch(self.pattern, text) is not None


# The patterns of `config/values.ts`, by the same names.
HostName = Annotated[str, Matches(r"[a-z0-9-]{1,63}")]
Owner = Annotated[str, Matches(r"[A-Za-z0-9][A-Za-z0-9 ._/@:-]{0,200}")]
Digest = Annotated[str, Matches(r"[0-9a-f]{64}")]
User = Annotated[str, Matches(r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}")]
Word = Annotated[str, Matches(r"[a-z]{1,32}")]
Port = Annotated[int, Matches(r"[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]")]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Named:
    """What every spec begins with."""

    host: HostName
    """The Spark's name in the mesh."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Head(Named):
    """What a spec begins with that is a stack's."""

    stack: Owner
    """`organization/project/stack`: what it belongs to."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change(Head):
    """What every spec begins with that something is made true by."""

    operator: Owner
    """Who changes it: user, control machine and backend."""
    program: Digest
    """sha256 of the program that is to read this."""


def read_spec(shape: type[Shape], text: str) -> Shape:
    """
    The spec in a line of JSON.

    Raises Problem, with the place, for anything that isn't of the shape: unknown and missing keys, other types, values that
    their pattern doesn't allow, more than `LIMIT` bytes.
    """
    if len(text) > LIMIT:
        raise Problem(f"the spec has more than {LIMIT} bytes")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Problem("the spec is no JSON") from None
    return typing.cast(Shape, _read(shape, value, "spec"))


def _read(shape: Any, value: object, place: str) -> object:
    origin = typing.get_origin(shape)
    arguments = typing.get_args(shape)
    if dataclasses.is_dataclass(shape):
        return _read_dataclass(typing.cast(type, shape), value, place)
    if origin is Annotated:
        read = _read(arguments[0], value, place)
        for rule in arguments[1:]:
            if isinstance(rule, Matches) and not rule.holds(str(read)):
                raise _wrong(place, value, f"text that matches {rule.pattern}")
        return read
    if origin in (types.UnionType, typing.Union):
        return (
            None if value is None else _read(next(one for one in arguments if one is not types.NoneType), value, place)
        )
    if origin is typing.Literal:
        if value not in arguments or isinstance(value, bool) != isinstance(arguments[0], bool):
            raise _wrong(place, value, " or ".join(str(one) for one in arguments))
        return value
    if origin is tuple:
        if not isinstance(value, list) or len(value) > LIST_LIMIT:
            raise _wrong(place, value, f"a list of at most {LIST_LIMIT}")
        return tuple(_read(arguments[0], each, f"{place}[{index}]") for index, each in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict) or len(value) > LIST_LIMIT:
            raise _wrong(place, value, "an object")
        return {
            _read(arguments[0], key, f"{place} key"): _read(arguments[1], each, f"{place}.{plain(key, 40)}")
            for key, each in value.items()
        }
    # A bool is an int to Python.
    if shape not in (str, int, bool, float) or type(value) is not shape:
        raise _wrong(place, value, getattr(shape, "__name__", str(shape)))
    return value


def _read_dataclass(shape: type, value: object, place: str) -> object:
    if not isinstance(value, dict):
        raise _wrong(place, value, "an object")
    hints = typing.get_type_hints(shape, include_extras=True)
    unknown = [plain(key, 40) for key in value if key not in hints]
    if unknown:
        raise Problem(f"{place}: found the unknown key {unknown[0]}")
    read = {key: _read(hints[key], value[key], f"{place}.{key}") for key in hints if key in value}
    defaults = {
        one.name
        for one in dataclasses.fields(shape)
        if one.default is not dataclasses.MISSING or one.default_factory is not dataclasses.MISSING
    }
    missing = [key for key in hints if key not in read and key not in defaults]
    if missing:
        raise Problem(f"{place}: found no {missing[0]}")
    return shape(**read)


def _wrong(place: str, found: object, wanted: str) -> Problem:
    return Problem(f"{place}: found {plain(json.dumps(found), 60)}, wanted {wanted}")
