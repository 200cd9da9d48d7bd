"""Errors as data: RFC 9457 problem details, with the advice that every error of ours carries."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, where, and what to do.

    `code` is stable and for programs ("media.not-a-video"); on the wire it becomes RFC 9457's `type`
    ("urn:reelballers:media.not-a-video"). `title` is the same for every occurrence, `detail` is about this
    one, `hint` says what to do. `status` is the HTTP status code where the problem crosses HTTP.
    """

    code: str
    title: str
    detail: str = ""
    hint: str = ""
    status: int = 400

    def __str__(self) -> str:
        return " ".join(part for part in (self.title.rstrip(".") + ".", self.detail, self.hint) if part)


class ReelError(Exception):
    """Raised for anything that the person or program at the other end can understand and act on."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem

    @classmethod
    def of(cls, code: str, title: str, detail: str = "", hint: str = "", status: int = 400) -> "ReelError":
        """Shorthand for `ReelError(Problem(...))`."""
        return cls(Problem(code, title, detail, hint, status))
