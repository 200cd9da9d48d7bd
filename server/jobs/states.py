"""A job's states and the ways between them."""

from pycore.protocol import JobState

_WAYS: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.FAILED}),
    JobState.RUNNING: frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}


class IllegalTransition(Exception):
    """A job cannot go from the one state to the other."""

    def __init__(self, before: JobState, after: JobState) -> None:
        super().__init__(f"A {before.value} job cannot become {after.value}.")


def check_transition(before: JobState, after: JobState) -> None:
    """Raises IllegalTransition unless a job may go from `before` to `after`."""
    if after not in _WAYS[before]:
        raise IllegalTransition(before, after)


class Superseded(BaseException):
    """Another executor has taken the job over, since this one had not been heard of. No Exception, so that no
    durable step takes it for an outcome: what this one still does must not count."""
