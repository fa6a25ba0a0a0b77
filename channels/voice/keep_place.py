"""Keeping a caller's place: they press 1, confirm or key a number, hang up, and are called back at their turn."""

from __future__ import annotations

import asyncio

from channels.voice.scene import ContactView, Scene
from config.numbers import can_be_called, e164
from routing.events import CallbackAsked, CallEnded

OFFERED, ASKED, DONE = "offered", "asked", "done"
MOST_DIGITS = 15
# As long as the queue's overflow waits for an answer.
ANSWER_SECONDS = 45.0
STAGE = "keep_place"


class KeepPlace:
    """``part`` is '' while nothing is offered. A withheld number cannot be confirmed: another must be keyed."""

    def __init__(self, scene: Scene) -> None:
        self.part = ""
        self._scene = scene
        self._typed = ""
        self._asked_at = 0.0

    @property
    def busy(self) -> bool:
        """The caller is being asked, or told goodbye: nothing else is said. Who does not answer hears their place
        again after a while, and may still answer."""
        return self.part == DONE or (self.part == ASKED and self._now() - self._asked_at < ANSWER_SECONDS)

    @property
    def keying(self) -> bool:
        """In the middle of a number: two fives are part of it."""
        return self.part == ASKED and bool(self._typed.strip(self._scene.settings.voice.emergency_digits))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def done(self) -> bool:
        """They will be called back."""
        return self.part == DONE

    def offer(self, view: ContactView) -> tuple[str, ...]:
        """What is added to what a waiting caller hears; nothing while the wait is short."""
        long_wait = max(view.expected_wait or 0.0, view.waited)
        if long_wait < self._scene.settings.voice.keep_place_after_seconds:
            return ()
        self.part = OFFERED
        return (self._scene.sounds.prompt("keep_place_offer"),)

    async def pressed(self, digit: str) -> None:
        self._asked_at = self._now()
        if self.part == OFFERED and digit == "1":
            await self.ask()
        elif self.part == ASKED:
            await self._keyed(digit)

    async def finished(self) -> None:
        """What was being said is at its end."""
        if self.part == DONE:
            self._scene.tell(CallEnded(self._scene.reference, "system"))
            self._scene.over = True

    async def refused(self) -> None:
        """The number cannot be called, or somebody is answering just now."""
        if self.part == DONE:
            self.part = ""
            self._scene.at()
            await self._scene.announce(self._scene.sounds.prompt("invalid_choice"))

    def forget(self) -> None:
        """The caller is with somebody."""
        self.part = ""

    async def resume(self, typed: str) -> None:
        """After another gateway: asked again, unless they are keying the number or it is written down."""
        view = self._scene.view()
        if view and view.callback:
            self.part = DONE
            await self._scene.announce(self._scene.sounds.prompt("keep_place_done"))
        elif typed:
            self.part, self._typed = ASKED, typed
        else:
            await self.ask()

    async def ask(self, *before: str) -> None:
        """Whether, and on what number, they want to be called back; these prompts are said before."""
        self.part, self._typed, self._asked_at = ASKED, "", self._now()
        self._scene.at(STAGE, typed="")
        prompt = "keep_place_number" if self._own_number() else "key_number"
        await self._scene.announce(*map(self._scene.sounds.prompt, (*before, prompt)))

    async def _keyed(self, digit: str) -> None:
        if digit == "1" and not self._typed and self._own_number():
            await self._keep(self._own_number())
        elif digit != "#":
            self._typed = (self._typed + digit)[:MOST_DIGITS]
            self._scene.at(STAGE, typed=self._typed)
        elif can_be_called(self._typed):
            await self._keep(e164(self._typed))
        else:
            await self.ask("invalid_choice")

    async def _keep(self, address: str) -> None:
        self.part = DONE
        self._scene.tell(CallbackAsked(self._scene.reference, address))
        await self._scene.announce(self._scene.sounds.prompt("keep_place_done"))

    def _own_number(self) -> str:
        view = self._scene.view()
        return view.party if view else ""
