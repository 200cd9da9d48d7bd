"""What a file of video or sound begins with, by the containers that we open (see container.SOUND_FORMATS)."""

HEAD_BYTES = 64 * 1024
"""Enough to tell, and for FFmpeg to say what else it is."""

_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof", b"uuid")
_EBML = b"\x1aE\xdf\xa3"
_SOUND = (b"ID3", b"fLaC", b"OggS")
_TS_SYNC = 0x47
_TS_PACKETS = (188, 192, 204)


def begins_as_media(head: bytes) -> bool:
    """Whether these first bytes are those of ISO media (MP4, MOV, M4A), Matroska (WebM), an MPEG transport
    stream, MP3, WAV, FLAC, Ogg or bare AAC."""
    return (
        head[4:8] in _BOXES
        or head.startswith((_EBML, *_SOUND))
        or (head.startswith(b"RIFF") and head[8:12] == b"WAVE")
        or _is_mpeg_sound(head)
        or _is_transport_stream(head)
    )


def _is_mpeg_sound(head: bytes) -> bool:
    """A frame of MPEG audio (layer 0 is AAC's) begins with eleven ones."""
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] != 0xFF


def _is_transport_stream(head: bytes) -> bool:
    """Sync bytes at the distance of packets, from anywhere in the first packet (a recording may begin in
    mid-packet)."""
    return any(
        all(head[start + each * length] == _TS_SYNC for each in range(4))
        for length in _TS_PACKETS
        for start in range(min(length, len(head) - 3 * length))
    )
