"""dataclass <-> JSON-able values, in the standard library alone (pydantic is too heavy to load in the
browser's worker).

Unknown keys are refused, missing ones take their defaults, numbers must be finite, and a union of dataclasses
is told apart by its `type` literal. The server uses pydantic on the same dataclasses; a test holds the two to
the same answers.
"""

import dataclasses
import math
import types
from collections.abc import Iterable
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_PLAIN = {int, float, str, bool}


class DecodeError(ValueError):
    """A value does not fit its type; the message names the place ("command.crop.width must be a finite
    number, not 'x'")."""


class ToldApart:
    """Marks a union inside a field, `Annotated[First | Second, ToldApart()]`, so that the server's pydantic
    too tells its members apart by their `type` and refuses one without; by itself it would guess."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> dict[str, Any]:
        choices = {tag: handler.generate_schema(member) for tag, member in _tags(get_args(source)).items()}
        return {"type": "tagged-union", "discriminator": "type", "choices": choices}


def encode(value: Any) -> Any:
    """A dataclass, enum, list or scalar as JSON-able values; dataclasses become dicts."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: encode(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        if {type(item) for item in value} <= _PLAIN:  # tracks have columns of very many numbers
            return list(value)
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    return value


def decode(kind: type[T] | Any, value: Any, where: str = "value") -> T:
    """`value` (as parsed from JSON) as an instance of `kind`: a dataclass, a union, an enum, list[...] or a
    scalar.

    Raises DecodeError naming the place in `where` and below.
    """
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _decode_dataclass(kind, value, where)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _decode_union(get_args(kind), value, where)
    if origin is Literal:
        if value not in get_args(kind):
            raise DecodeError(
                f"{where} must be {' or '.join(map(repr, get_args(kind)))}, not {_brief(value)}"
            )
        return value
    if origin is list:
        if not isinstance(value, list):
            raise DecodeError(f"{where} must be a list, not {_brief(value)}")
        (item,) = get_args(kind)
        if _all_sound(item, value):
            return value  # type: ignore[return-value]
        return [decode(item, each, f"{where}[{index}]") for index, each in enumerate(value)]  # type: ignore[return-value]
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(value)  # type: ignore[return-value]
        except ValueError:
            choices = ", ".join(repr(member.value) for member in kind)
            raise DecodeError(f"{where} must be one of {choices}, not {_brief(value)}") from None
    return _decode_scalar(kind, value, where)


def _all_sound(kind: Any, values: list[Any]) -> bool:
    """Whether a list needs no look at each item: a column of numbers of the very type that is asked for."""
    found = {type(value) for value in values}
    return bool(found) and (
        (kind is int and found == {int})
        or (kind is float and found == {float} and all(map(math.isfinite, values)))
    )


def _decode_dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise DecodeError(f"{where} must be an object, not {_brief(value)}")
    hints = _hints(kind)
    for key in value:
        if key not in hints:
            raise DecodeError(f"{where}.{key} is not known; {where} takes {', '.join(hints)}")
    for field in dataclasses.fields(kind):
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and field.name not in value:
            raise DecodeError(f"{where}.{field.name} is missing")
    return kind(**{key: decode(hints[key], item, f"{where}.{key}") for key, item in value.items()})


def _decode_union(members: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None:
        if type(None) in members:
            return None
        raise DecodeError(f"{where} must not be null")
    members = tuple(member for member in members if member is not type(None))
    if len(members) == 1:
        return decode(members[0], value, where)
    tag = value.get("type") if isinstance(value, dict) else None
    tags = _tags(members)
    if not isinstance(tag, str) or tag not in tags:
        raise DecodeError(f"{where}.type must be one of {_some(tags)}, not {_brief(tag)}")
    return decode(tags[tag], value, where)


def _tags(members: tuple[Any, ...]) -> dict[str, Any]:
    """The dataclasses of a union by their `type` literals."""
    return {get_args(_hints(member)["type"])[0]: member for member in members}


def _decode_scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf  # a whole number beyond any float
        if not math.isfinite(number):
            raise DecodeError(f"{where} must be a finite number, not {_brief(value)}")
        return number
    if kind is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind in (str, bool) and isinstance(value, kind):
        return value
    names = {float: "a finite number", int: "a whole number", str: "a string", bool: "true or false"}
    raise DecodeError(f"{where} must be {names.get(kind, repr(kind))}, not {_brief(value)}")


def _some(tags: Iterable[str]) -> str:
    """A choice as it is told: its beginning is enough."""
    names = [repr(tag) for tag in tags]
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "")


def _brief(value: Any) -> str:
    """A value as it is quoted in a message: its beginning is enough."""
    shown = repr(value) if not isinstance(value, int) or value.bit_length() < 512 else "a huge number"
    return shown if len(shown) <= 80 else shown[:77] + "..."


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))
