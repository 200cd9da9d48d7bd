"""`reelballers evaluate`: judges what this project ships on footage of one's own."""

import importlib

import click


class _Commands(click.Group):
    """Each command is a module of its name here, loaded when it is called: some need PyTorch, some do not."""

    NAMES = ("association", "detection", "framing", "players", "upscaler")

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.NAMES:
            return None
        return getattr(importlib.import_module(f"server.evaluate.{cmd_name}"), cmd_name)


@click.group(cls=_Commands)
def evaluate() -> None:
    """Judge what this project ships on your own footage."""
