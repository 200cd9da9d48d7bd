"""From what is to be shown to where the crop lies. Pure."""
