"""codec reads what pydantic reads and refuses what pydantic refuses; and says where."""

import dataclasses
import inspect
import json
from enum import Enum
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pycore import protocol
from pycore.protocol import Command, DecodeError, Event, OpenMedia, Project, SetCrop, decode, encode

KINDS = sorted(
    (
        kind
        for kind in vars(protocol).values()
        if inspect.isclass(kind) and dataclasses.is_dataclass(kind) and kind.__module__.startswith("pycore")
    ),
    key=lambda kind: kind.__name__,
)
STRANGE: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    2**70,
    "",
    "7",
    "quick",
    [],
    [1],
    {},
    {"type": "x"},
    float("nan"),
    float("inf"),
]


_adapter = cache(TypeAdapter)
quick = settings(max_examples=25, deadline=None)


def _codec(kind: Any, text: str) -> Any:
    try:
        return decode(kind, json.loads(text))
    except DecodeError:
        return "refused"


def _pydantic(kind: Any, text: str) -> Any:
    try:
        return _adapter(kind).validate_json(text, strict=True)
    except ValidationError:
        return "refused"


@cache
def _any(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a protocol type, small ones."""
    scalars: dict[Any, st.SearchStrategy[Any]] = {
        str: st.text(max_size=5),
        int: st.integers(-(2**53), 2**53),
        float: st.floats(allow_nan=False, allow_infinity=False),
        bool: st.booleans(),
        type(None): st.none(),
    }
    if kind in scalars:
        return scalars[kind]
    if inspect.isclass(kind) and dataclasses.is_dataclass(kind):
        return st.builds(kind, **{name: _any(hint) for name, hint in get_type_hints(kind).items()})
    if get_origin(kind) is list:
        return st.lists(_any(get_args(kind)[0]), max_size=2)
    if inspect.isclass(kind) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    return st.one_of(*map(_any, get_args(kind)))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@quick
@given(data=st.data())
def test_codec_and_pydantic_write_and_read_the_same(kind: Any, data: st.DataObject) -> None:
    value = data.draw(_any(kind))
    text = json.dumps(encode(value))
    assert text == json.dumps(_adapter(kind).dump_python(value, mode="json"))
    assert _codec(kind, text) == _pydantic(kind, text) == value


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@quick
@given(data=st.data())
def test_codec_and_pydantic_refuse_the_same(kind: Any, data: st.DataObject) -> None:
    document = encode(data.draw(_any(kind)))
    place = _somewhere(document, data)
    change = data.draw(st.sampled_from(["replace", "remove", "add"]))
    key = data.draw(st.sampled_from(sorted(place) or [""]))
    if change == "add":
        place["surplus"] = 1
    elif change == "remove":
        place.pop(key, None)
    else:
        place[key] = data.draw(st.sampled_from(STRANGE))
    text = json.dumps(document)
    assert _codec(kind, text) == _pydantic(kind, text)


def _somewhere(document: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """The document, or an object inside it."""
    inner = [each for each in document.values() if isinstance(each, dict)]
    inner += [
        each[0] for each in document.values() if isinstance(each, list) and each and isinstance(each[0], dict)
    ]
    if inner and data.draw(st.booleans()):
        return _somewhere(data.draw(st.sampled_from(inner)), data)
    return document


@pytest.mark.parametrize("union", [Command, Event], ids=["Command", "Event"])
def test_members_of_a_union_are_told_apart_by_their_type(union: Any) -> None:
    tags = [_tag(member) for member in get_args(union)]
    assert len(set(tags)) == len(tags)


def _tag(member: Any) -> Any:
    return next(field.default for field in dataclasses.fields(member) if field.name == "type")


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (
            SetCrop,
            {"crop": {"x": "left", "y": 0, "width": 1, "height": 1}},
            "value.crop.x must be a finite number, not 'left'",
        ),
        (SetCrop, {}, "value.crop is missing"),
        (SetCrop, {"crop": [], "gesture": ""}, "value.crop must be an object, not []"),
        (Project, {"id": "a", "name": "b", "output": None}, "value.output must be an object, not None"),
        (OpenMedia, {"bytes": True}, "value.name is missing"),
        (Command, {"type": ["undo"]}, "value.type must be one of"),
        (Command, 7, "value.type must be one of"),
        (list[int], [1, "2"], "value[1] must be a whole number, not '2'"),
        (float, 10**400, "value must be a finite number, not a huge number"),
        (int, "9" * 500, "..."),
    ],
)
def test_a_refusal_names_the_place(kind: Any, value: Any, message: str) -> None:
    with pytest.raises(DecodeError) as refused:
        decode(kind, value)
    assert message in str(refused.value)
    assert len(str(refused.value)) < 400
