"""Leading one caller through the menus: plays what the menu says, tells it of keys and silences."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from channels.voice import instructions as tell_to
from channels.voice.menu import Emergency, Ends, Leads, Menus, Playing, State, Step
from channels.voice.scene import Scene
from channels.voice.sounds import Sounds
from config.menus import Destination, Menu
from config.settings import Settings
from routing.events import MenuChosen

STAGE = "menu"


class MenuWalk:
    """``over``: the caller has been led somewhere (``led``), or all has been said (``led`` is None)."""

    def __init__(self, scene: Scene, put: Callable[[tell_to.Instruction], None]) -> None:
        self.over = True
        self.led: Destination | None = None
        self._scene, self._put = scene, put
        self._menus = menus_of(scene.settings)
        self._state = State("", "")
        self._timer: asyncio.TimerHandle | None = None

    async def begin(self, destination: Destination, language: str = "") -> None:
        """Also again, where an earlier gateway left the caller."""
        self.over = False
        if destination.menu and destination.menu not in self._menus.menus:  # changed since
            destination = Destination(queue=self._scene.settings.voice.default_queue)
        await self._go(self._menus.start(destination, language))

    async def pressed(self, digit: str) -> None:
        if self.over:
            return
        menu = self._state.menu
        step = self._menus.pressed(self._state, digit)
        where = _place(step)
        if menu and where != menu:
            self._scene.tell(MenuChosen(self._scene.reference, menu, digit, where))
        await self._go(step)

    async def finished(self) -> None:
        """What was being said is at its end."""
        if not self.over:
            await self._go(self._menus.prompt_finished(self._state))

    async def timed_out(self, wait: tell_to.MenuTimedOut) -> None:
        if not self.over and self._timer is not None and wait.state == self._state:
            await self._go(self._menus.timed_out(self._state))

    def stop(self) -> None:
        """The caller is needed elsewhere."""
        self.over = True
        self._cancel()

    async def _go(self, step: Step) -> None:
        self._cancel()
        match step:
            case Playing(state=state):
                moved, self._state = state.at is not self._state.at, state
                if moved and state.at:
                    self._scene.at(STAGE, to=state.at.model_dump_json(), language=state.language)
                await self._play(step)
            case Leads(destination=destination, language=language):
                self.over, self.led = True, destination
                self._state = replace(self._state, language=language)
            case _:
                self.over, self.led = True, None
        self._scene.sounds = Sounds(self._scene.settings.voice, self._state.language)

    async def _play(self, step: Playing) -> None:
        sounds = Sounds(self._scene.settings.voice, step.state.language)
        if step.play:
            await self._scene.announce(*map(sounds.prompt, step.play))
        if step.wait_seconds:
            await self._scene.hush()
            loop, timed_out = asyncio.get_running_loop(), tell_to.MenuTimedOut(step.state)
            self._timer = loop.call_later(step.wait_seconds, self._put, timed_out)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def menus_of(settings: Settings) -> Menus:
    menus: Mapping[str, Menu] = {menu.id: menu for menu in settings.menus}
    return Menus(menus, settings.voice.emergency_digits)


def _place(step: Step) -> str:
    """Where a step leads, in words for the journal."""
    match step:
        case Playing(state=state):
            return state.menu or "a message"
        case Leads(destination=destination):
            return f"{destination.kind} {getattr(destination, destination.kind)}"
        case Emergency():
            return "the emergency"
        case Ends():
            return "the end"
