"""The application's side of finding players: who looks for them (session.py), what was found and corrected
(found.py), and how the crop goes along (crop_path.py)."""

from pycore.analysing.session import Analysing

__all__ = ["Analysing"]
