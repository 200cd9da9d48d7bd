"""RunPod: which endpoint, and how much may be spent there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from server.config.environment import PREFIX, wrong

BASE_URL = "https://api.runpod.ai/v2"
_REQUIRED = ("RUNPOD_API_KEY", "RUNPOD_ENDPOINT")


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that may be spent, in US dollars; None: no limit. Days and months are UTC's."""

    user_day_usd: float | None = None
    user_month_usd: float | None = None
    day_usd: float | None = None
    month_usd: float | None = None


@dataclass(frozen=True, slots=True)
class RunPodSettings:
    """An endpoint and the key to it. `gpu` is its class in the price table, `pricing` that table (None: the
    one that comes along), `active`: its workers are always on. `public_url` is where RunPod reaches this
    server for webhooks ("" where it cannot: then it is asked instead)."""

    api_key: str = field(repr=False)
    endpoint: str
    base_url: str = BASE_URL
    gpu: str = "4090"
    active: bool = False
    pricing: Path | None = None
    public_url: str = ""
    caps: Caps = field(default_factory=Caps)


def runpod_settings(environ: Mapping[str, str]) -> RunPodSettings | None:
    """REELBALLERS_RUNPOD_*, _PRICING, _PUBLIC_URL and _CAP_*; None where neither key nor endpoint is set.
    ReelError names what is missing or makes no sense."""
    given = {name: environ.get(PREFIX + name, "").strip() for name in _REQUIRED}
    if not any(given.values()):
        return None
    for name, value in given.items():
        if not value:
            raise wrong(PREFIX + name, "RunPod's other setting is given, this is not", "Give both, or none.")
    pricing = environ.get(PREFIX + "PRICING", "").strip()
    return RunPodSettings(
        api_key=given["RUNPOD_API_KEY"],
        endpoint=given["RUNPOD_ENDPOINT"],
        base_url=_url(environ, "RUNPOD_URL") or BASE_URL,
        gpu=environ.get(PREFIX + "RUNPOD_GPU", "").strip() or "4090",
        active=environ.get(PREFIX + "RUNPOD_ACTIVE", "").strip() in ("1", "true", "yes"),
        pricing=Path(pricing) if pricing else None,
        public_url=_url(environ, "PUBLIC_URL"),
        caps=Caps(
            user_day_usd=_dollars(environ, "CAP_USER_DAY_USD"),
            user_month_usd=_dollars(environ, "CAP_USER_MONTH_USD"),
            day_usd=_dollars(environ, "CAP_DAY_USD"),
            month_usd=_dollars(environ, "CAP_MONTH_USD"),
        ),
    )


def _url(environ: Mapping[str, str], name: str) -> str:
    text = environ.get(PREFIX + name, "").strip().rstrip("/")
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query):
        raise wrong(PREFIX + name, f"{text!r} is no http or https URL", "Correct it or leave it out.")
    return text


def _dollars(environ: Mapping[str, str], name: str) -> float | None:
    text = environ.get(PREFIX + name, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise wrong(PREFIX + name, f"{text!r} is no sum in dollars", "Write it like 2.50, or leave it out.")
    return value
