"""What a caller hears and presses while nobody is with them: the greeting, the menus, a voicemail, their place.

Each stage is remembered by the call process, so that the next gateway puts the caller back there. The emergency
digits count at any time, whatever else is asked.
"""

from __future__ import annotations

from collections.abc import Callable

from channels.voice import instructions as tell_to
from channels.voice import keep_place, menu_walk, voicemail
from channels.voice.keep_place import KeepPlace
from channels.voice.menu_walk import MenuWalk
from channels.voice.scene import Scene
from channels.voice.voicemail import Voicemail
from config.menus import Destination

STAGE = "greeting"


class Reception:
    """``greeting``: the caller is being welcomed. Timers put their instructions into ``put``."""

    def __init__(self, scene: Scene, put: Callable[[tell_to.Instruction], None]) -> None:
        self.walk = MenuWalk(scene, put)
        self.voicemail = Voicemail(scene, put)
        self.keep_place = KeepPlace(scene)
        self.greeting = False
        self._scene = scene
        self._to: Destination | None = None
        self._recent = self._early = ""
        self._told = 0

    @property
    def receiving(self) -> bool:
        """The caller is being welcomed, or in the menus: where they want to go is not known yet."""
        return self.greeting or not self.walk.over

    def expect(self, to: Destination) -> None:
        """Before the caller is answered: should this gateway die at that moment, the next one greets them."""
        self._to = to
        self._remember()

    async def greet(self, to: Destination, early: str = "") -> None:
        """``to``: where the number leads; ``early``: keys that were pressed already."""
        scene = self._scene
        self._to, self._early = to, early
        scene.quiet = True
        self._remember()
        self.greeting = await scene.announce(*scene.sounds.welcome())

    async def lead(self) -> None:
        """Into the menus; callers who know them have pressed their keys already."""
        to, self._to = self._to, None
        if to is None:
            return  # an earlier gateway has led them there
        await self.walk.begin(to)
        for digit in self._early:
            await self.walk.pressed(digit)

    async def resume(self) -> None:
        """Put the caller back where an earlier gateway left them."""
        scene, stage = self._scene, self._scene.stage
        name = stage.get("name")
        scene.quiet = name in (STAGE, menu_walk.STAGE, voicemail.STAGE)
        if name == STAGE:
            await self.greet(Destination.model_validate_json(stage["to"]), stage["early"])
        elif name == menu_walk.STAGE:
            await self.walk.begin(Destination.model_validate_json(stage["to"]), stage["language"])
        elif name == voicemail.STAGE:
            await self.voicemail.resume(stage["state"])
        elif name == keep_place.STAGE:
            await self.keep_place.resume(stage["typed"])

    def caller_gone(self) -> None:
        """They hung up, here or while no gateway was there: what they have said is kept."""
        stage = self._scene.stage
        if stage.get("name") == voicemail.STAGE and not self.voicemail.part:
            self.voicemail.recall(stage["state"])
        self.voicemail.keep()

    async def say_position(self) -> None:
        scene, view = self._scene, self._scene.view()
        alone = scene.line.joined == {"caller"} and not scene.calling_control_room
        if alone and view and view.place and not self.keep_place.busy:
            told = scene.sounds.waiting(view.place, view.expected_wait, self._told)
            await scene.announce(*told, *self.keep_place.offer(view))
            self._told += 1

    def is_emergency(self, digit: str) -> bool:
        """Whether this key is the last of the emergency digits; within a number that is being keyed none is."""
        wanted = self._scene.settings.voice.emergency_digits
        self._recent = "" if self.keep_place.keying else (self._recent + digit)[-len(wanted) :]
        if self._recent != wanted:
            return False
        self._recent = ""
        return True

    async def pressed(self, digit: str) -> None:
        """Any other key."""
        if self.voicemail.part:
            await self.voicemail.pressed(digit)
        elif self.greeting:
            self._early += digit
            self._remember()
        else:
            await self.walk.pressed(digit)
            await self.keep_place.pressed(digit)

    async def finished(self) -> None:
        """What was being said is at its end."""
        self.greeting = False
        await self.walk.finished()
        await self.voicemail.finished()
        await self.keep_place.finished()

    async def leave(self) -> None:
        """The caller is with somebody, or needed elsewhere."""
        self.greeting = self._scene.quiet = False
        self.walk.stop()
        self.keep_place.forget()
        await self.voicemail.leave()
        if self._scene.stage:
            self._scene.at()

    def stop(self) -> None:
        """The call is over."""
        self.walk.stop()
        self.voicemail.stop()

    def _remember(self) -> None:
        if self._to:
            self._scene.at(STAGE, to=self._to.model_dump_json(), early=self._early)
