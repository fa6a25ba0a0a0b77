"""A call is recorded, also when nothing was recorded here before."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from channels.voice import messages as msg
from channels.voice.keeping import Keeping
from config.load import load


class Scene:
    """Its call process records where there is a folder, unless ``full``."""

    reference = "AAAA-0001"
    call = SimpleNamespace(id="0-1-a")

    def __init__(self, folder: Path, *, full: bool = False) -> None:
        settings = load(overlay={"voice": {"enabled": False}})
        self.settings = settings.model_copy(
            update={"voice": settings.voice.model_copy(update={"recordings_dir": folder})}
        )
        self.full = full

    async def do(self, command: msg.Record) -> bool:
        return Path(command.stem).parent.is_dir() and not self.full


def keeping(scene: Any) -> Keeping:
    return Keeping(scene)


async def test_the_folder_of_what_is_being_recorded_is_made_when_it_is_missing(tmp_path: Path) -> None:
    kept = keeping(Scene(tmp_path / "recordings"))
    await kept.begin()
    assert kept.path == str(tmp_path / "recordings" / "AAAA-0001_0-1-a.flac")


async def test_a_call_that_cannot_be_recorded_goes_on_without(tmp_path: Path) -> None:
    kept = keeping(Scene(tmp_path, full=True))
    await kept.begin()
    assert (kept.raw, kept.path) == (None, "")
