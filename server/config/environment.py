"""Reading REELBALLERS_* environment variables, with errors that name them."""

from collections.abc import Mapping

from pycore.protocol import ReelError

PREFIX = "REELBALLERS_"


def number(environ: Mapping[str, str], name: str, default: int, least: int = 1) -> int:
    """A whole number of at least `least`. ReelError names the variable where it is none."""
    text = environ.get(PREFIX + name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < least:
        what = "no positive whole number" if least == 1 else f"no whole number of at least {least}"
        raise wrong(PREFIX + name, f"{text!r} is {what}", "Correct it or leave it out.")
    return int(text)


def names(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """A list separated by commas, in lower case."""
    return tuple(each.strip().lower() for each in environ.get(PREFIX + name, "").split(",") if each.strip())


def wrong(option: str, what: str, hint: str) -> ReelError:
    return ReelError.of("config.option", "An option makes no sense", f"{option}: {what}.", hint)
