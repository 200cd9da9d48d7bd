"""Ways to frame that people choose from, and the limits of what they may set."""

from pycore.protocol import Framing, FramingPreset, ReelError

PRESETS = [
    FramingPreset("steady", "Steady", "Calm, with room around the player", Framing()),
    FramingPreset(
        "close",
        "Close",
        "Near the player, who fills the frame",
        Framing(player_share=0.5, smoothness=0.5, ball=0.1),
    ),
    FramingPreset(
        "action",
        "Action",
        "Wide and quick, with the ball in view",
        Framing(player_share=0.22, smoothness=0.35, ball=0.8),
    ),
]

_LIMITS = {
    "player_share": (0.05, 0.9),
    "smoothness": (0.0, 1.0),
    "margin": (0.0, 1.0),
    "ball": (0.0, 1.0),
}


def check(framing: Framing) -> None:
    """Raises ReelError `framing.range` for a value outside of its limits."""
    for name, (least, most) in _LIMITS.items():
        value = getattr(framing, name)
        if not least <= value <= most:
            raise ReelError.of(
                "framing.range",
                f"{name} is out of range",
                f"{value} was given.",
                f"Give a number from {least:g} to {most:g}.",
                422,
            )
