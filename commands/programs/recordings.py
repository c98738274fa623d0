# pathlib and typing would cost more than all else that a program of this size does at its start.
# ruff: noqa: PTH122, PTH123
"""Voice recordings in a directory of one user's. Nothing outside of it is ever opened, whatever lies in it.

What is known of a recording comes from the file itself, and from the text file of the same name beside it, where there
is one, as Asterisk's app_voicemail writes it (`msg0000.txt` to `msg0000.wav`). Else the caller is what stands after the
last underscore of the name, if it looks like a telephone number: 20261124-093000_+14155551212.wav.
"""

import os
import re
import stat
import wave
from dataclasses import dataclass

from commands.programs.refused import RefusedError

SUFFIXES = (".wav", ".mp3", ".ogg", ".opus", ".oga", ".flac", ".m4a", ".aac", ".amr", ".gsm", ".ulaw", ".alaw", ".au")
NUMBER = re.compile(r"[+*#]?[0-9][0-9*#-]{1,30}")
TEXT_LENGTH = 64 * 1024  # bytes; Asterisk's are below one KiB

# O_NOFOLLOW: a symbolic link could lead to another user's. O_NONBLOCK: to open a FIFO would wait for its writer.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Recording:
    name: str
    time: float  # seconds since the epoch
    caller: str  # empty if it isn't known
    seconds: int | None
    size: int  # bytes


def open_directory(template: str, user: str) -> int | None:
    """A descriptor of the user's directory; None if there is none yet.

    `template` is an absolute path, `{user}` in it the user's name. Up to there it is the operator's own and may hold
    symbolic links; from there on none is followed. Raises RefusedError for a name that would lead elsewhere, OSError.
    """
    start, _, rest = template.partition("{user}")
    head, prefix = os.path.split(start)
    below = (prefix + "{user}" + rest).strip("/").split("/") if "{user}" in template else []
    names = [name.replace("{user}", user) for name in below]
    if not user or "/" in user or any(name in ("", ".", "..") for name in names):
        raise RefusedError("a user of this name can have no recordings")
    directory = os.open(head if below else template, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for name in names:
        try:
            inner = os.open(name, DIRECTORY, dir_fd=directory)
        except FileNotFoundError:
            return None
        finally:
            os.close(directory)
        directory = inner
    return directory


def list_recordings(directory: int) -> list[Recording]:
    """The oldest first, so that a new one changes no other's number."""
    with os.scandir(directory) as entries:
        names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    found = [name for name in names if name.lower().endswith(SUFFIXES) and not name.startswith(".")]
    recordings = [recording for name in found if (recording := _look_at(directory, name)) is not None]
    return sorted(recordings, key=lambda recording: (recording.time, recording.name))


def open_recording(directory: int, name: str) -> int:
    """A descriptor of a regular file. Raises OSError."""
    descriptor = os.open(name, FILE, dir_fd=directory)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(f"{name} is no file")
    return descriptor


def delete_recording(directory: int, name: str) -> None:
    """And what is written about it. Raises OSError."""
    os.unlink(name, dir_fd=directory)
    try:
        os.unlink(_text_name(name), dir_fd=directory)
    except FileNotFoundError:
        pass


def _look_at(directory: int, name: str) -> Recording | None:
    try:
        descriptor = open_recording(directory, name)
    except OSError:
        return None  # gone meanwhile, or not this user's to read
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        seconds = _wave_seconds(file, status.st_size)
    known = _read_text(directory, _text_name(name))
    return Recording(
        name=name,
        time=_number(known.get("origtime")) or status.st_mtime,
        caller=known.get("callerid") or _caller(name),
        seconds=_number(known.get("duration")) if seconds is None else seconds,
        size=status.st_size,
    )


def _wave_seconds(file: "wave._File", size: int) -> int | None:
    try:
        with wave.open(file) as sound:
            frame = sound.getnchannels() * sound.getsampwidth()
            # One that was still being recorded says any number of frames.
            return round(min(sound.getnframes(), size // frame) / sound.getframerate())
    except (wave.Error, EOFError, ArithmeticError, ValueError, RuntimeError):
        return None  # of another format: only PCM is known here


def _text_name(name: str) -> str:
    return os.path.splitext(name)[0] + ".txt"


def _read_text(directory: int, name: str) -> dict[str, str]:
    try:
        descriptor = open_recording(directory, name)
    except OSError:
        return {}
    with open(descriptor, "rb") as file:
        text = file.read(TEXT_LENGTH).decode(errors="replace")
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,10}", text) else None


def _caller(name: str) -> str:
    caller = os.path.splitext(name)[0].rpartition("_")[2]
    return caller if NUMBER.fullmatch(caller) else ""
