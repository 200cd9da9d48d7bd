"""projects: the documents."""

import re

from pycore.protocol import Project, ReelError
from server.api.operations import Call, Operation
from server.db.trash import empty_trash

_ID = re.compile(r"[a-z0-9-]{8,64}")


def create(call: Call) -> Project:
    return call.services.projects.create(_checked(call.body), call.owner)


def newest(call: Call) -> list[Project]:
    return call.services.projects.newest(call.owner)


def read(call: Call) -> Project:
    return call.services.projects.get(call.path["id"])


def replace(call: Call) -> Project:
    project = _checked(call.body)
    if project.id != call.path["id"]:
        raise _invalid("body.id", f"It is {project.id!r}, but the address names {call.path['id']!r}.")
    return call.services.projects.replace(project)


def delete(call: Call) -> None:
    call.services.projects.delete(call.path["id"])
    empty_trash(call.services.database, call.services.storage)


def _checked(project: Project) -> Project:
    if not _ID.fullmatch(project.id):
        raise _invalid("body.id", "It must be 8 to 64 lower-case letters, digits and hyphens.")
    if len(project.name) > 255:
        raise _invalid("body.name", "It must have at most 255 characters.")
    return project


def _invalid(field: str, what: str) -> ReelError:
    return ReelError.of("request.invalid", "The request does not fit", f"{field}: {what}", "Correct it.", 422)


OPERATIONS = (
    Operation(
        "POST",
        "/projects",
        "Store a new project under an id of the client's choice.",
        "projects",
        create,
        body=Project,
        answer=Project,
        status=201,
        problems=(409,),
    ),
    Operation(
        "GET", "/projects", "The projects, last changed first.", "projects", newest, answer=list[Project]
    ),
    Operation("GET", "/projects/{id}", "One project.", "projects", read, answer=Project, problems=(404,)),
    Operation(
        "PUT",
        "/projects/{id}",
        "Store a change, made to the revision that it carries.",
        "projects",
        replace,
        body=Project,
        answer=Project,
        problems=(404, 409),
    ),
    Operation(
        "DELETE",
        "/projects/{id}",
        "Delete a project with its media, jobs and results.",
        "projects",
        delete,
        status=204,
        problems=(404, 409),
    ),
)
