"""What is heard in the sandbox: the gateway's prompts and hold music, and what people say on the telephone.

All is made once and kept for every later start.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import config
from channels.voice.prompts import prepare_music, prepare_prompts, synthesise
from config.prompts import Prompts
from gateway.sandbox.tones import write_tone

CACHE = Path(config.__file__).resolve().parent.parent / "var" / "prompts"
MUSIC = CACHE / "music.wav"
PIECES = Path("/usr/share/asterisk/moh")
PAUSE_SECONDS = 3.0


async def prepare(prompts: Prompts, folder: Path) -> None:
    """Make the gateway's prompts in ``folder``, and the hold music ``MUSIC``. Raises PromptError."""
    await asyncio.to_thread(_prepare, prompts, folder)


async def spoken(text: str, prompts: Prompts, folder: Path) -> Path:
    """A WAV that says ``text`` and is then silent for a moment, to be said again and again; '' is silence only.

    Raises PromptError."""
    return await asyncio.to_thread(_spoken, text, prompts, folder / "people")


def _prepare(prompts: Prompts, folder: Path) -> None:
    with _alone(folder):
        prepare_prompts(prompts, folder)
    with _alone(CACHE):
        prepare_music(PIECES, MUSIC)


def _spoken(text: str, prompts: Prompts, folder: Path) -> Path:
    name = "said_" + hashlib.sha256(text.encode()).hexdigest()[:16]
    with _alone(folder):
        if not text:
            return write_tone(folder / "silence.wav", 440, amplitude=0.0)
        (said,) = synthesise(prompts.model_copy(update={"texts": {name: text}}), folder)
        out = folder / f"{name}.pause.wav"
        _with_pause(said, out)
    return out


def _with_pause(said: Path, out: Path) -> None:
    with wave.open(str(said)) as source:
        parameters, frames = source.getparams(), source.readframes(source.getnframes())
    with wave.open(str(out), "wb") as target:
        target.setparams(parameters)
        target.writeframes(frames + b"\0\0" * int(PAUSE_SECONDS * parameters.framerate))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two sandboxes that start at once must not write the same file."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
