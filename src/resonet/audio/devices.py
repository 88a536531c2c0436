"""Sound devices, through the sounddevice package: the extra [microphone]."""

from __future__ import annotations

from typing import Any

from resonet.errors import AudioError, MissingExtra


def sounddevice(doing: str, device: str) -> Any:
    """The package. Raises MissingExtra without it (`doing` needs it), AudioError about `device` without PortAudio."""
    try:
        import sounddevice
    except ImportError:
        raise MissingExtra(doing, "microphone") from None
    except OSError:  # sounddevice is there, the PortAudio library is not
        raise AudioError(
            f"{device} cannot be opened: the PortAudio library is not installed",
            "on Debian and Ubuntu: apt install libportaudio2",
        ) from None
    return sounddevice


def first_line(error: Exception) -> str:
    """What PortAudio says of its errors: the rest names its source code."""
    return (str(error).splitlines() or [type(error).__name__])[0]
