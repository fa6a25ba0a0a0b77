"""The spoken prompts and the hold music: files of 8 kHz, 16 bit, mono, as the call processes play them.

Needs the Debian packages espeak-ng and sox. A site that has its own recordings puts ``<name>.recorded.wav``,
in any format sox reads, beside the made ones; it is then used instead of the voice.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from config.prompts import Prompts

_PEAK_DB = "-3"
_MUSIC_PEAK_DB = "-9"  # well below a voice, and still clear on a bad line
_SHORTEST_BYTES = 44 + 1600  # a WAV header and 0.1 s
_TOOL_SECONDS = 120.0
# What is no speech, as sox makes it: seconds, shape and Hz.
TONES = {
    "beep": ("synth", "0.4", "sine", "1000"),  # speak after it
    "answer_tone": ("synth", "0.3", "sine", "440", "repeat", "1"),  # in the handler's ear: a caller is connected
    "hold_tone": ("synth", "0.5", "sine", "400", "pad", "0", "4"),  # once in a while: the line is still there
}
_MUSIC_RECIPE = f"hold music {_MUSIC_PEAK_DB}"


class PromptError(Exception):
    """A prompt could not be made; the text names the prompt, the tool and what to do."""


def prepare_prompts(prompts: Prompts, out_dir: Path) -> list[Path]:
    """Everything but the music: the texts in every language, those of language ``cy`` in the folder ``cy``, and the
    tones. Blocking and failing as ``synthesise`` does."""
    made = synthesise(prompts, out_dir)
    for language, spoken in prompts.languages.items():
        own = prompts.model_copy(update={"voice": spoken.voice, "texts": spoken.texts})
        made += synthesise(own, out_dir / language)
    return made + [_make_tone(name, out_dir) for name in TONES]


def synthesise(prompts: Prompts, out_dir: Path) -> list[Path]:
    """Make ``<name>.wav`` for every text, in the order of the settings; what is unchanged is left alone.

    Blocking, some 0.1 s for each new prompt. Each file appears whole or not at all, with a ``.sha256`` beside
    it of what it was made from. PromptError: a tool is missing or failed, or a voice said nothing.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    return [_make(name, text, prompts, out_dir) for name, text in prompts.texts.items()]


def prepare_music(source: Path, out: Path) -> None:
    """One WAV of all the WAV files in ``source`` (a folder, or one file), at a moderate level, for a loop.

    Debian's asterisk-moh-opsound-wav puts five pieces into /usr/share/asterisk/moh, 18 minutes, under
    CC BY-SA 3.0: whoever plays them to the public names their authors (see the package's copyright file).
    """
    pieces = sorted(source.glob("*.wav")) if source.is_dir() else [source]
    if not pieces or not all(piece.exists() for piece in pieces):
        raise PromptError(
            f"no hold music at {source}; on Debian: apt install asterisk-moh-opsound-wav, "
            "which puts some into /usr/share/asterisk/moh"
        )
    facts = [f"{piece.name} {piece.stat().st_size} {piece.stat().st_mtime_ns}" for piece in pieces]
    if _is_current(out, recipe := _hash(_MUSIC_RECIPE, *facts)):
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    # Each piece is brought to the same level first, so that none is much louder than the one before it.
    levelled = [_sox(piece, _unfinished(out, str(n)), _MUSIC_PEAK_DB) for n, piece in enumerate(pieces)]
    try:
        _run("hold music", "sox", *map(str, levelled), str(_unfinished(out)))
        _finish(_unfinished(out), out, recipe)
    finally:
        for part in levelled:
            part.unlink(missing_ok=True)


def _make(name: str, text: str, prompts: Prompts, out_dir: Path) -> Path:
    out, recorded = out_dir / f"{name}.wav", out_dir / f"{name}.recorded.wav"
    if recorded.exists():
        recipe = _hash(_PEAK_DB, hashlib.sha256(recorded.read_bytes()).hexdigest())
        if not _is_current(out, recipe):
            _finish(_sox(recorded, _unfinished(out), _PEAK_DB), out, recipe)
        return out
    recipe = _hash(_PEAK_DB, prompts.voice, str(prompts.words_per_minute), text)
    if _is_current(out, recipe):
        return out
    spoken = _unfinished(out, "spoken")
    try:
        speed = str(prompts.words_per_minute)
        _run(name, "espeak-ng", "-v", prompts.voice, "-s", speed, "-w", str(spoken), "--", text)
        _check_sound(name, spoken, "espeak-ng")
        _finish(_sox(spoken, _unfinished(out), _PEAK_DB), out, recipe)
    finally:
        spoken.unlink(missing_ok=True)
    return out


def _make_tone(name: str, out_dir: Path) -> Path:
    out = out_dir / f"{name}.wav"
    recipe = _hash(_MUSIC_PEAK_DB, *TONES[name])
    if not _is_current(out, recipe):
        tone = ("-n", "-b", "16", "-r", "8000", "-c", "1", str(_unfinished(out)), *TONES[name])
        _run(name, "sox", "-D", "-R", *tone, "gain", "-n", _MUSIC_PEAK_DB)
        _finish(_unfinished(out), out, recipe)
    return out


def _sox(source: Path, out: Path, peak_db: str) -> Path:
    # -D -R: without random dither the same prompt gives the same bytes.
    to_telephone = ("channels", "1", "rate", "8000", "gain", "-n", peak_db)  # the level is set last
    _run(source.name, "sox", "-D", "-R", str(source), "-b", "16", str(out), *to_telephone)
    _check_sound(source.name, out, "sox")
    return out


def _run(name: str, *command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_TOOL_SECONDS)
    except FileNotFoundError as error:
        raise PromptError(f"{name}: {command[0]} is not installed; on Debian: apt install {command[0]}") from error
    except subprocess.CalledProcessError as error:
        raise PromptError(f"{name}: {command[0]} failed: {error.stderr.strip()[-500:]}") from error
    except subprocess.TimeoutExpired as error:
        raise PromptError(f"{name}: {command[0]} did not finish within {_TOOL_SECONDS:.0f} s") from error


def _check_sound(name: str, path: Path, tool: str) -> None:
    if not path.exists() or path.stat().st_size < _SHORTEST_BYTES:
        raise PromptError(f"{name}: {tool} made no sound; is the text empty, or the voice unknown?")


def _unfinished(out: Path, part: str = "whole") -> Path:
    """A file beside ``out`` that no listing of prompts takes for one, but sox takes for a WAV."""
    return out.with_name(f".{out.stem}.{part}.wav")


def _finish(made: Path, out: Path, recipe: str) -> None:
    # The hash goes first and comes last: after a crash between the two the file is made again.
    _recipe_file(out).unlink(missing_ok=True)
    made.replace(out)
    _recipe_file(out).write_text(recipe)


def _is_current(out: Path, recipe: str) -> bool:
    return out.exists() and _recipe_file(out).exists() and _recipe_file(out).read_text() == recipe


def _recipe_file(out: Path) -> Path:
    return out.with_suffix(".sha256")


def _hash(*facts: str) -> str:
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()
