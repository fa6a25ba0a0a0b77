"""Where a caller is led whom no handler has: by the menu's choice, or by a queue that cannot serve them."""

from __future__ import annotations

from dataclasses import dataclass

from channels.voice import instructions as tell_to
from channels.voice.parts import Parts
from config.menus import Destination
from routing import events as ev


@dataclass(frozen=True, slots=True)
class Leading(Parts):
    async def by_menu(self, led: Destination | None) -> None:
        """To a queue, an extension, a number or a voicemail; after a mere message the call is over."""
        scene = self.scene
        scene.quiet = bool(led and led.voicemail)
        if not scene.quiet:
            scene.at()
        if scene.calling_control_room or (led and led.queue):
            scene.tell(ev.CallQueued(scene.reference, (led and led.queue) or "", scene.sounds.language))
        elif led and led.extension:
            self._tell_led_to(led.extension)
            await self.third.lead_to(led.extension)
        elif led and led.number:
            self._tell_led_to(led.number)
            await self.third.lead_out(led.number)
        elif led and led.voicemail:
            await self._to_voicemail(led.voicemail)
        else:
            scene.tell(ev.CallEnded(scene.reference, "system"))
            scene.over = True

    async def by_queue(self, wish: tell_to.LeadOn) -> None:
        """What the queue does with a caller whom it cannot serve; who is not alone any more waits where they were."""
        scene = self.scene
        served = scene.calling_control_room or self.third.busy or self.reception.keep_place.done
        if served or scene.line.joined != {"caller"}:
            scene.tell(ev.NotLedOn(scene.reference, "somebody else is on the line, or on the way"))
            return
        self.reception.keep_place.forget()
        match wish.kind:
            case "callback":
                await self.reception.keep_place.ask("overflow_callback")
            case "number":
                await self.third.lead_out(wish.target)
            case "voicemail":
                scene.quiet = True
                await scene.settle()
                await self._to_voicemail(wish.target)
            case "stay" if wish.target:
                await scene.announce(*map(scene.sounds.prompt, (wish.target, "emergency_reminder")))

    def _tell_led_to(self, number: str) -> None:
        self.scene.tell(ev.Recorded(f"the menu led the caller to {number}", "system", reference=self.scene.reference))

    async def _to_voicemail(self, of: str) -> None:
        await self.reception.voicemail.begin(of, self.scene.settings.voice.default_queue)
