"""Which database: SQLite in the data directory, or PostgreSQL where one is named."""

from collections.abc import Mapping

from server.config.environment import PREFIX, wrong

VARIABLE = PREFIX + "DATABASE_URL"


def database_url(environ: Mapping[str, str]) -> str:
    """REELBALLERS_DATABASE_URL in the form postgresql://…; "" where it is not set. ReelError where it names
    another kind of database (the message has no password)."""
    given = environ.get(VARIABLE, "").strip()
    if not given:
        return ""
    scheme, colon, rest = given.partition("://")
    if scheme not in ("postgres", "postgresql") or not colon or not rest:
        raise wrong(
            VARIABLE,
            f"it begins with {scheme[:20]!r}" if colon else "it is no URL",
            "Give postgresql://USER:PASSWORD@HOST/DATABASE, or leave it out for SQLite.",
        )
    return f"postgresql://{rest}"
