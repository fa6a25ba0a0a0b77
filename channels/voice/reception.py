"""What a caller hears and presses while nobody is with them: the greeting, the menus, a voicemail, their place.

The emergency digits count at any time, whatever else is asked.
"""

from __future__ import annotations

from collections.abc import Callable

from channels.voice import instructions as tell_to
from channels.voice.keep_place import KeepPlace
from channels.voice.menu_walk import MenuWalk
from channels.voice.scene import Scene
from channels.voice.voicemail import Voicemail
from config.menus import Destination


class Reception:
    """``greeting``: the caller is being welcomed. Timers put their instructions into ``put``."""

    def __init__(self, scene: Scene, put: Callable[[tell_to.Instruction], None]) -> None:
        self.walk = MenuWalk(scene, put)
        self.voicemail = Voicemail(scene, put)
        self.keep_place = KeepPlace(scene)
        self.greeting = False
        self._scene = scene
        self._recent = self._early = ""
        self._told = 0

    async def greet(self) -> None:
        scene = self._scene
        scene.quiet = True
        self.greeting = await scene.announce(*scene.sounds.welcome())

    async def lead(self, to: Destination) -> None:
        """Into the menus; callers who know them have pressed their keys already."""
        await self.walk.begin(to)
        for digit in self._early:
            await self.walk.pressed(digit)

    async def say_position(self) -> None:
        scene, view = self._scene, self._scene.view()
        alone = scene.line.joined == {"caller"} and not scene.calling_control_room
        if alone and view and view.place and not self.keep_place.busy:
            told = scene.sounds.waiting(view.place, view.expected_wait, self._told)
            await scene.announce(*told, *self.keep_place.offer(view))
            self._told += 1

    def is_emergency(self, digit: str) -> bool:
        """Whether this key is the last of the emergency digits."""
        wanted = self._scene.settings.voice.emergency_digits
        self._recent = (self._recent + digit)[-len(wanted) :]
        if self._recent != wanted:
            return False
        self._recent = ""
        return True

    async def pressed(self, digit: str) -> None:
        """Any other key."""
        if digit == "#" and self.voicemail.part:
            await self.voicemail.complete()
        elif self.greeting:
            self._early += digit
        else:
            await self.walk.pressed(digit)
            await self.keep_place.pressed(digit)

    async def finished(self) -> None:
        """What was being said is at its end."""
        self.greeting = False
        await self.walk.finished()
        await self.voicemail.finished()
        await self.keep_place.finished()

    def leave(self) -> None:
        """The caller is needed elsewhere."""
        self.greeting = self._scene.quiet = False
        self.stop()
        self.keep_place.forget()

    def stop(self) -> None:
        self.walk.stop()
        self.voicemail.stop()
