"""The caller presses the emergency digits, or a handler asks for the control room: everything else gives way."""

from __future__ import annotations

from dataclasses import dataclass

from channels.voice.parts import Parts
from routing import events as ev


@dataclass(frozen=True, slots=True)
class Emergency(Parts):
    async def pressed(self) -> None:
        """The emergency digits, at whatever stage the caller is."""
        scene = self.scene
        self.control_room.get()
        keys = " ".join(scene.settings.voice.emergency_digits)
        scene.raise_emergency(f"the caller pressed {keys}")
        self._leave_voicemail()
        await self.reception.leave()
        await self.third.give_up_leading_out()
        await self._begin()

    async def wanted(self, after: str) -> None:
        """The gateway wants the control room for the caller, but not this target."""
        self.control_room.get(after)
        await self._begin()

    async def _begin(self) -> None:
        await self._make_room()
        await self.scene.settle()
        await self.keeping.resume("system")

    async def _make_room(self) -> None:
        """The media stack holds four legs, and the control room needs one of them."""
        line = self.scene.line
        if not line.has_room(kept_for_control_room=False) and not line.under_way("control_room"):
            await self.supervision.stop("the control room needs the line")

    def _leave_voicemail(self) -> None:
        """Whom a handler had passed to a voicemail waits for a handler again."""
        scene, view = self.scene, self.scene.view()
        if view and self.reception.voicemail.part and view.passed_to:
            scene.tell(ev.PartyLeft(scene.reference, view.passed_to, "the caller pressed the emergency digits"))
