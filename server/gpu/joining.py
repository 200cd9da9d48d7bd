"""From a plan and its segments to the finished file. Loads no torch."""

from pathlib import Path

from server.gpu.base import ExportPlan, Sources
from server.gpu.planning import clip_timeline
from server.video import join
from server.video.probe import inspect, inspect_music


def join_export(sources: Sources, plan: ExportPlan, segments: list[Path], target: Path) -> join.Joined:
    """See GpuProcessor.finish."""
    pieces = []
    for index, (asked, clip) in enumerate(zip(plan.request.clips, plan.clips, strict=True)):
        source = inspect(sources[asked.media_id])
        parts = [
            (path, segment.frames)
            for path, segment in zip(segments, plan.segments, strict=True)
            if segment.clip == index
        ]
        pieces.append(
            join.Piece(
                path=sources[asked.media_id],
                source=source,
                timeline=clip_timeline(source.table, clip, asked, plan.timescale),
                first=clip.first_frame,
                count=clip.frames,
                segments=parts,
                slow=asked.slow,
                title=asked.title,
            )
        )
    score = None
    if (music := plan.request.music) is not None:
        path = sources[music.media_id]
        score = join.Score(path, inspect_music(path)[0].duration_us, music.start_us, music.volume)
    return join.join(pieces, plan.timescale, target, score)
