"""What a keypad menu does: from keys and silences to what is played next, and in the end to a destination.

Pure: the call's story plays what a step says, tells what happened, and does what the next step says. The emergency
digits win over every option, also while keys are not yet listened to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from config.menus import Destination, Menu

MOST_KEYS = 60  # keys and silences; whoever is still in menus then is led on as if they had stayed silent


@dataclass(frozen=True, slots=True)
class State:
    """Where a caller is: in a menu, or (``menu`` is '') hearing a message. ``at``: what has led them there."""

    menu: str
    language: str
    at: Destination | None = None
    speaking: bool = True
    typed: str = ""
    recent: str = ""
    tries: int = 0
    steps: int = 0


@dataclass(frozen=True, slots=True)
class Playing:
    """Play the prompts of these names, which keys stop if ``interruptible``.

    ``wait_seconds`` > 0: instead of playing, stop what plays and wait so long for a key. Neither: go on as before.
    """

    state: State
    play: tuple[str, ...] = ()
    interruptible: bool = False
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Leads:
    """To a queue, extension, voicemail or outside number, never to a menu or a message."""

    destination: Destination
    language: str


@dataclass(frozen=True, slots=True)
class Ends:
    """All has been said: hang up."""

    language: str


@dataclass(frozen=True, slots=True)
class Emergency:
    """The emergency digits were pressed."""

    language: str


Step = Playing | Leads | Ends | Emergency


@dataclass(frozen=True, slots=True)
class Menus:
    menus: Mapping[str, Menu]
    emergency_digits: str

    def start(self, destination: Destination, language: str) -> Step:
        """Begin with whatever a number leads to; ``language`` is that of the caller."""
        return self._lead(destination, State("", language))

    def pressed(self, state: State, digit: str) -> Step:
        """``digit``: one of 0-9, * and #."""
        keys = state.recent + digit
        if keys.endswith(self.emergency_digits):
            return Emergency(state.language)
        state = replace(state, recent=keys[-len(self.emergency_digits) :], steps=state.steps + 1)
        if not state.menu:
            return Playing(state)
        menu = self.menus[state.menu]
        if state.steps >= MOST_KEYS:
            return self._give_up(menu, state)
        if state.speaking and not menu.barge_in:
            return Playing(state)
        return self._keyed(menu, state, state.typed + digit)

    def prompt_finished(self, state: State) -> Step:
        """Everything that the last step asked to play was played to its end."""
        if state.menu:
            return Playing(replace(state, speaking=False), wait_seconds=self.menus[state.menu].timeout_seconds)
        after = state.at.then if state.at else None
        return self._lead(after, state) if after else Ends(state.language)

    def timed_out(self, state: State) -> Step:
        """No key came in time; half an option is a wrong one."""
        if not state.menu:
            return Playing(state)
        menu, state = self.menus[state.menu], replace(state, steps=state.steps + 1)
        if state.steps >= MOST_KEYS:
            return self._give_up(menu, state)
        return self._again(menu, state, wrong=bool(state.typed))

    def _keyed(self, menu: Menu, state: State, typed: str) -> Step:
        for option in menu.options:
            if option.digits == typed:
                language = option.language or state.language
                return self._lead(option.to or Destination(menu=menu.id), replace(state, language=language))
        if any(option.digits.startswith(typed) for option in menu.options):
            return self._listen(menu, replace(state, typed=typed))
        if self._may_become_emergency(state.recent):
            return self._listen(menu, state)
        return self._again(menu, state, wrong=True)

    def _listen(self, menu: Menu, state: State) -> Step:
        """A key more is needed."""
        return Playing(replace(state, speaking=False), wait_seconds=menu.timeout_seconds)

    def _may_become_emergency(self, recent: str) -> bool:
        digits = self.emergency_digits
        return any(recent.endswith(digits[:length]) for length in range(1, len(digits)))

    def _again(self, menu: Menu, state: State, *, wrong: bool) -> Step:
        if state.tries >= menu.repeats:
            return self._lead(menu.on_wrong if wrong else menu.on_nothing, state)
        state = replace(state, tries=state.tries + 1, typed="", speaking=True)
        return Playing(state, ("invalid_choice", menu.prompt) if wrong else (menu.prompt,), menu.barge_in)

    def _give_up(self, menu: Menu, state: State) -> Step:
        """Along the ways of silence, which the configuration's check has shown to come out."""
        destination: Destination | None = menu.on_nothing
        while destination and (destination.menu or destination.then):
            destination = self.menus[destination.menu].on_nothing if destination.menu else destination.then
        return self._lead(destination or menu.on_nothing, state)

    def _lead(self, destination: Destination, state: State) -> Step:
        if destination.menu:
            menu = self.menus[destination.menu]
            entered = State(menu.id, state.language, destination, recent=state.recent, steps=state.steps)
            return Playing(entered, (menu.prompt,), menu.barge_in)
        if destination.message:
            heard = State("", state.language, destination, recent=state.recent, steps=state.steps)
            return Playing(heard, (destination.message, *(() if destination.then else ("goodbye",))))
        return Leads(destination, state.language)
