"""Protocol dataclasses as JSON text in a column."""

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """The validator of a dataclass, list or union of them; made once."""
    return TypeAdapter(kind)


def dump(value: Any) -> str:
    """A dataclass as JSON text."""
    return adapter(type(value)).dump_json(value).decode()


def load(kind: type[T], text: str) -> T:
    """The dataclass that `dump` wrote, perhaps in another version: unknown fields are dropped, missing ones
    take their defaults."""
    return adapter(kind).validate_json(text, extra="ignore")
