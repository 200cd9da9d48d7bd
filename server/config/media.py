"""How large, long and slow a video may be before it is refused. Each by REELBALLERS_MEDIA_<NAME>."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

from server.config.environment import number


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Bounds on files from elsewhere, checked before memory or time is spent.

    `max_side`, `max_pixels` of a picture; `max_frames`, `max_seconds`, `max_fps`, `max_streams` of a file;
    `max_sound_mib` of sound that is held while an export is joined. `decoder_memory_mib`: address space of
    the process that reads the file. `decoder_cpu_seconds` per request to it; `decoder_wait_seconds`: how long
    it may say nothing; `decoder_wall_seconds`: how long it may be waited for in one request (time in which it
    waits for whoever takes the frames does not count). `decoder_threads` of it."""

    max_side: int = 8192
    max_pixels: int = 8192 * 4320
    max_frames: int = 1_300_000
    max_seconds: int = 6 * 3600
    max_fps: int = 1000
    max_streams: int = 32
    max_sound_mib: int = 4096
    decoder_memory_mib: int = 4096
    decoder_cpu_seconds: int = 600
    decoder_wait_seconds: int = 60
    decoder_wall_seconds: int = 1800
    decoder_threads: int = 4


def media_limits(environ: Mapping[str, str] = os.environ) -> MediaLimits:
    """The limits in force. ReelError for a setting that is no positive whole number."""
    prefix = "MEDIA_"
    return MediaLimits(
        **{
            field.name: number(environ, prefix + field.name.upper(), int(str(field.default)))
            for field in fields(MediaLimits)
        }
    )
