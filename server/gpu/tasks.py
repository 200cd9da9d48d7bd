"""What is asked of a worker on RunPod and what it answers: the `input` and `output` of a RunPod job.

A worker holds no credentials. All that it reads and writes it reaches by presigned URLs: inputs, one slot per
segment, the result, and the claim. The claim is an object that can be created once: whoever creates it does
the work. A job that was submitted twice because an answer got lost, or that starts when nobody wants it any
more, finds the claim taken and ends. Loads no torch.
"""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from pycore.protocol import ModelName, Problem, Rect, ReelError

T = TypeVar("T")


class TaskKind(StrEnum):
    UPSCALE = "upscale"
    """The picture, or a crop of it, at twice or four times its size (UpscaleParams)."""
    EXPORT = "export"
    """A reel of several clips (pycore's ExportRequest)."""
    TRACK = "track"
    """The players of one file (TrackParams); the result is a Tracking document as JSON."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A media file: `id` is what the parameters call it."""

    id: str
    url: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one object: presigned URLs to PUT it and to GET it. Segments and claims are PUT with
    `If-None-Match: *`, which belongs to the signature."""

    put: str
    get: str


@dataclass(frozen=True, slots=True)
class UpscaleParams:
    """Params of `upscale`. `scale`: 2 or 4. `crop` in display pixels (None: the whole picture), `out_us`
    None: to the end."""

    scale: int = 2
    model: ModelName = ModelName.QUICK
    crop: Rect | None = None
    in_us: int = 0
    out_us: int | None = None


@dataclass(frozen=True, slots=True)
class TrackParams:
    """Params of `track`. `out_us` None: to the end."""

    in_us: int = 0
    out_us: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A job's input. One file comes as `input_url`, several as `inputs`; with `input_url` every media id in
    `params` means that file.

    `output_url`: where the result is PUT, `facts_url` where what is known of it (Metadata) is PUT before it.
    `segments`: a slot for each segment of the plan, in order, so that a repeated job goes on behind the last
    one; without them it starts from the beginning.
    """

    task: TaskKind
    params: dict[str, Any] = field(default_factory=dict)
    input_url: str = ""
    inputs: list[InputFile] = field(default_factory=list)
    output_url: str = ""
    facts_url: str = ""
    segments: list[Slot] = field(default_factory=list)
    claim: Slot | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What a running job tells: `progress` 0 to 1. `sequence` rises, as updates may overtake each other."""

    sequence: int
    progress: float
    message: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """Facts of a result, and statistics of the run that finished it.

    `bytes`, `sha256`, `frames`, `duration_us`, `has_audio`, `notes` as in FinishedFile. `seconds`: the whole
    run; `compute_seconds`: in segments and joining. `made` of `segments` were made in this run, with
    `work_pixels` through the net in `segment_seconds`. `start_seconds`: what it took the worker to get ready,
    0 unless this was its first job. `players` and `cuts` of a tracking document.
    """

    task: TaskKind
    device: str
    bytes: int
    sha256: str
    frames: int
    duration_us: int
    has_audio: bool
    seconds: float
    compute_seconds: float
    segment_seconds: float
    work_pixels: float
    segments: int
    made: int
    start_seconds: float = 0.0
    players: int = 0
    cuts: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Output:
    """A job's output: where the result lies (without the key to it), and Metadata. A job that found its claim
    taken has `duplicate_of` alone: the RunPod id of the job that has it, "" where it was withdrawn."""

    output_url: str = ""
    metadata: Metadata | None = None
    duplicate_of: str | None = None


def parse_task(raw: Any) -> Task:
    """A job's input as a Task. ReelError `task.unknown`, or `task.invalid` that names the field."""
    kinds = [kind.value for kind in TaskKind]
    asked = raw.get("task") if isinstance(raw, dict) else None
    if asked not in kinds:
        raise ReelError.of(
            "task.unknown",
            "There is no such task",
            f"input.task is {str(asked)[:80]!r}.",
            f"It must be {', '.join(kinds[:-1])} or {kinds[-1]}.",
            422,
        )
    task = parse(Task, raw, "input")
    if bool(task.input_url) == bool(task.inputs):
        raise invalid("input.input_url", "give either input_url or inputs")
    if len({each.id for each in task.inputs}) != len(task.inputs):
        raise invalid("input.inputs", "two have the same id")
    if not task.output_url:
        raise invalid("input.output_url", "it must be a URL that takes a PUT")
    return task


def parse(kind: type[T], raw: Any, where: str) -> T:
    """JSON values as a dataclass. ReelError `task.invalid` names the field below `where`."""
    try:
        return TypeAdapter(kind).validate_json(json.dumps(raw), strict=True, extra="forbid")
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([where, *(str(each) for each in first["loc"])])
        raise invalid(place, first["msg"][:1].lower() + first["msg"][1:]) from None


def invalid(place: str, what: str) -> ReelError:
    return ReelError.of("task.invalid", "The task does not fit", f"{place}: {what}.", "Correct it.", 422)


def error_text(problem: Problem) -> str:
    """A problem as a RunPod job's `error`, which is text."""
    return TypeAdapter(Problem).dump_json(problem).decode()


def problem_of(error: Any) -> Problem | None:
    """The problem that `error_text` wrote; None for an error that is not this program's own."""
    try:
        return TypeAdapter(Problem).validate_json(error if isinstance(error, str) else json.dumps(error))
    except (ValidationError, TypeError):
        return None
