"""Video files in and out, through PyAV (FFmpeg): probe, frame table, decode, encode, join. No torch here."""
