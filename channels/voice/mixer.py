"""The sound of a call: what is played to whom, which legs hear each other, and what of it is recorded."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from channels.voice.audio import Link, Matrix
from channels.voice.control import Refusal
from channels.voice.engine import Engine, Player
from channels.voice.legs import Leg
from channels.voice.messages import LegName, Pair, Play
from channels.voice.recorder import SILENCE, TRACKS, Recorder
from channels.voice.timers import Timers

# A player's end may still be on its way from another thread when the player is stopped.
PLAYER_AFTERLIFE = 1.0
MOST_FILES = 16
CLOSING_SECONDS = 1.0
CLOSING_STEP = 0.01


@dataclass(slots=True)
class _Playing:
    """One ``Play``: the first player is heard now."""

    files: tuple[str, ...]
    players: deque[Player]
    loop: bool
    to: set[LegName]


def _forget(player: Player) -> None:
    """The timer that calls this held the last reference."""


class Mixer:
    """``legs`` is the call's own table, which the mixer only reads. ``on_went_on``: a pause of the recording has
    lasted its longest. Methods raise Refusal and, for unusable files, pj.Error."""

    def __init__(
        self,
        engine: Engine,
        timers: Timers,
        legs: dict[LegName, Leg],
        on_went_on: Callable[[], None],
    ) -> None:
        self.bridged: tuple[Pair, ...] = ()
        self.closing = False
        self._engine = engine
        self._timers = timers
        self._legs = legs
        self._on_went_on = on_went_on
        self._matrix = Matrix()
        self._playing: dict[str, _Playing] = {}
        self._keys = itertools.count()
        self._recorder: Recorder | None = None
        self._taps: set[Link] = set()
        self._pauses = itertools.count(1)
        self._pause = 0

    @property
    def recording(self) -> str:
        return self._recorder.path if self._recorder else ""

    @property
    def recording_paused(self) -> bool:
        return self._recorder is not None and self._recorder.paused

    @property
    def playing(self) -> tuple[str, ...]:
        return tuple(self._playing)

    # --- players and bridge ---

    def play(self, command: Play) -> None:
        if not 0 < len(command.files) <= MOST_FILES:
            raise Refusal(f"{len(command.files)} files; one Play takes 1 to {MOST_FILES}")
        to = {leg for leg in command.to if self._lives(leg)}
        now = self._playing.get(command.name)
        if now is not None and now.loop and command.loop and now.files == command.files:
            now.to = to
            self.wire()
            return
        self._engine.start_media()
        forever = command.loop and len(command.files) == 1
        players = deque(
            Player(self._engine, f"(player {next(self._keys)})", file, loop=forever) for file in command.files
        )
        old = self._playing.pop(command.name, None)
        self._playing[command.name] = _Playing(command.files, players, command.loop, to)
        for player in players:
            self._matrix.plug(player.key, player, player.getPortId())
        self.wire()
        if old is not None:
            self._bury(old.players)

    def stop(self, name: str) -> None:
        old = self._playing.pop(name, None)
        if old is not None:
            self.wire()
            self._bury(old.players)

    def stop_all(self) -> None:
        for name in self.playing:
            self.stop(name)

    def file_played(self, player: Player) -> str:
        """Goes on to the next file; the name of what has finished with this one, or ''."""
        name = next((n for n, playing in self._playing.items() if playing.players[0] is player), "")
        if not name:
            return ""
        playing = self._playing[name]
        if len(playing.players) == 1:
            if playing.loop:
                return ""
            self.stop(name)
            return name
        playing.players.popleft()
        if playing.loop:
            playing.players.append(player)
            playing.players[0].setPos(0)
        self.wire()
        if not playing.loop:
            self._bury([player])
        return ""

    def bridge(self, pairs: Iterable[Pair]) -> None:
        self.bridged = tuple(pair for pair in dict.fromkeys(pairs) if self._lives(pair[0]) and self._lives(pair[1]))
        self.wire()

    def heard(self, name: LegName) -> bool:
        """Whether somebody hears this leg."""
        return any(name == speaker for speaker, _ in self.bridged)

    def leg_ended(self, name: LegName) -> None:
        """The name may be used by another leg later, which must not inherit any link."""
        self.bridged = tuple(pair for pair in self.bridged if name not in pair)
        for playing in self._playing.values():
            playing.to.discard(name)
        self.wire()

    def leg_renamed(self, old: LegName, new: LegName) -> None:
        """Links are kept by name: they are made anew under the new one in the same tick."""

        def name(leg: LegName) -> LegName:
            return new if leg == old else leg

        self.bridged = tuple((name(speaker), name(listener)) for speaker, listener in self.bridged)
        for playing in self._playing.values():
            playing.to = {name(leg) for leg in playing.to}
        self._matrix.rename(old, new)
        self.wire()

    def tap(self, leg: LegName, key: str, port: Any) -> None:
        """What this leg says goes to this port too, whoever else hears it."""
        self._matrix.plug(key, port, port.getPortId())
        self._taps.add((leg, key))
        self.wire()

    def untap(self, key: str) -> None:
        self._taps = {link for link in self._taps if link[1] != key}
        self.wire()
        self._matrix.unplug(key)

    # --- wiring ---

    def refresh(self) -> None:
        """After the stack has worked: looks where each leg's audio is now and links it again."""
        if any(leg.media_changed for leg in self._legs.values()):
            self.wire()

    def wire(self) -> None:
        for name, leg in self._legs.items():
            if leg.media_changed:
                leg.refresh_media()
            if leg.slot is None or not leg.alive:
                self._matrix.unplug(name)
        # Only now: plugging a leg renews its links, which must not lead to one that has gone in the same turn.
        for name, leg in self._legs.items():
            if leg.slot is not None and leg.alive:
                self._matrix.plug(name, leg.media, leg.slot)
        self._matrix.want = self._wanted()
        self._matrix.wire()

    def _wanted(self) -> set[Link]:
        heard: set[Link] = set(self.bridged)
        told = {leg for p in self._playing.values() if not p.loop for leg in p.to}
        played: set[Link] = {
            (p.players[0].key, leg) for p in self._playing.values() for leg in p.to if not p.loop or leg not in told
        }
        said = (p.players[0].key for p in self._playing.values() if not p.loop and "caller" in p.to)
        recorded = self._recorder.links(self._legs, self.bridged, said) if self._recorder else set()
        return heard | played | recorded | self._taps

    def _lives(self, name: LegName) -> bool:
        return name in self._legs and self._legs[name].alive

    def _bury(self, players: Iterable[Player]) -> None:
        """After ``wire`` has unlinked them."""
        for player in players:
            self._matrix.unplug(player.key)
            self._timers.after(PLAYER_AFTERLIFE, partial(_forget, player))

    # --- recording ---

    def record(self, stem: str) -> None:
        if self._recorder:
            raise Refusal("a recording is running")
        self._engine.start_media()
        try:
            self._recorder = Recorder(stem)
        except OSError as error:
            raise Refusal(f"the recording's files cannot be made: {error}") from error
        silence = self._engine.silence()
        self._matrix.plug(SILENCE, silence, silence.getPortId())
        for track, port in self._recorder.ports.items():
            self._matrix.plug(track, port, port.getPortId())
        self.wire()

    def pause_recording(self, longest: float) -> None:
        """Silence is recorded until ``resume_recording``, or for ``longest`` seconds."""
        if self._recorder is None:
            raise Refusal("nothing is being recorded")
        self._recorder.paused = True
        self._pause = next(self._pauses)
        self._timers.after(longest, partial(self._pause_is_over, self._pause))
        self.wire()

    def resume_recording(self) -> None:
        if self._recorder is not None:
            self._recorder.paused = False
            self.wire()

    def _pause_is_over(self, pause: int) -> None:
        if self.recording_paused and pause == self._pause:
            self.resume_recording()
            self._on_went_on()

    def stop_recording(self) -> None:
        """``closing`` until the files hold everything."""
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        self.wire()
        for track in TRACKS:
            self._matrix.unplug(track)
        recorder.ports.clear()
        self.closing = True
        self._await_closed(recorder, time.monotonic() + CLOSING_SECONDS)

    def _await_closed(self, recorder: Recorder, deadline: float) -> None:
        """A full disk never lets it close: what is there is what there is."""
        if recorder.raw.closed() or time.monotonic() > deadline:
            recorder.release()
            self.closing = False
        else:
            self._timers.after(CLOSING_STEP, partial(self._await_closed, recorder, deadline))
