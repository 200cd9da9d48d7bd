"""How the chosen player is marked: a ring on the ground, the rest dimmed, an arrow, a name. Pure."""
