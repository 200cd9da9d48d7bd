import dataclasses
import enum
import types
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

import pycore.protocol
from deploy.tooling import jsdoc


class Colour(enum.StrEnum):
    """Of a thing."""

    RED = "red"
    BLUE = "blue"


@dataclass
class Part:
    weight: float
    note: str = ""


@dataclass
class Paint:
    """Paints a */ thing."""

    parts: list[Part]
    colour: Colour = Colour.RED
    size: tuple[int, int] | None = None
    names: dict[str, bool] = field(default_factory=dict)
    type: Literal["paint"] = "paint"


@dataclass
class Halt:
    type: Literal["halt"] = "halt"


def module(**exported: Any) -> types.ModuleType:
    made = types.ModuleType("made")
    made.__dict__.update(exported, __all__=list(exported))
    return made


def test_declarations():
    text = jsdoc.declarations(module(Colour=Colour, Part=Part, Paint=Paint, Halt=Halt, Command=Paint | Halt))
    assert (
        text
        == jsdoc.HEAD
        + """
/**
 * Of a thing.
 */
export type Colour = "red" | "blue";

export interface Part {
  weight: number;
  note: string;
}

/**
 * Paints a * / thing.
 */
export interface Paint {
  parts: Array<Part>;
  colour?: Colour;
  size?: [number, number] | null;
  names?: Record<string, boolean>;
  type: "paint";
}

export interface Halt {
  type: "halt";
}

export type Command = Paint | Halt;
"""
    )


@pytest.mark.parametrize("kind", [bytes, set[int], object])
def test_what_cannot_cross_is_refused(kind: Any):
    with pytest.raises(TypeError, match="cannot cross a boundary"):
        jsdoc.typescript(kind)


def test_every_type_of_the_protocol_is_declared():
    text = jsdoc.declarations(pycore.protocol)
    for name in pycore.protocol.__all__:
        value = getattr(pycore.protocol, name)
        if dataclasses.is_dataclass(value):
            assert f"export interface {name} {{" in text
