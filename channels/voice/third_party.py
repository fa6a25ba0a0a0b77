"""The third party of a call: somebody the caller is passed to, asked first, or talked with together.

Until a human has answered, the caller stays with the handler or hears music; whoever does not answer, or is given
up, leaves the caller where they were.
"""

from __future__ import annotations

from dataclasses import replace

from channels.voice import instructions as tell_to
from channels.voice import messages as msg
from channels.voice.reasons import unanswered
from channels.voice.scene import Scene
from channels.voice.sip import outside
from config.numbers import as_dialled
from routing import events as ev

PRIVATE = ("transfer", "consult")
INTERPRETER_REDIALS = 2
# SIP statuses: what a phone that asked for a transfer is told of it, and what a phone without that call answers.
PASSED, GIVEN_UP, UNREACHABLE, NO_SUCH_CALL = 200, 487, 503, 481
NOBODY = tell_to.Bring("conference", tell_to.Target("", ""))


class ThirdParty:
    """``wish``: who is rung or talks, and what for. ``passed``: the caller is theirs alone."""

    def __init__(self, scene: Scene) -> None:
        self.wish = NOBODY
        self.passed = False
        self._redials = 0
        self._scene = scene

    @property
    def busy(self) -> bool:
        return self.wish is not NOBODY

    @property
    def interprets(self) -> bool:
        """They help the others to talk: a caller who is left with them alone is alone."""
        return self.wish.role == "interpreter"

    @property
    def wanted_by_caller(self) -> bool:
        """The handler may go: the caller is to be passed on, as soon as the third party answers or at once."""
        return self.busy and (self.wish.role in PRIVATE or (self._talks and self.wish.role == "conference"))

    @property
    def passes_on(self) -> bool:
        """They have answered, and the caller, who waits for that, is not theirs yet."""
        alone = "handler" not in self._scene.line.joined
        return self._talks and not self.passed and (self.wish.role == "transfer" or (alone and self.wanted_by_caller))

    @property
    def joined(self) -> str:
        """Who is in the call beside the handler, in words; '' for nobody."""
        return self.wish.target.words if self._talks and not self.passed else ""

    @property
    def _talks(self) -> bool:
        return self.busy and "third" in self._scene.line.joined

    # --- coming ---

    async def bring(self, wish: tell_to.Bring) -> None:
        scene, target = self._scene, wish.target
        if self.busy or scene.full:
            why = "the line is full" if scene.full else "somebody else is on the line already"
            scene.tell(ev.PartyLeft(scene.reference, target.words, why, target.handler))
            return
        self._expect(wish)
        await scene.settle()
        replaces = (("Replaces", target.replaces),) if target.replaces else ()
        ring_seconds = scene.settings.voice.transfer_ring_seconds
        scene.remember()  # before they can answer: the next gateway must know what they are rung for
        if not await scene.dial("third", target.uri, ring_seconds, *replaces, helps=self.interprets):
            await self._back("could not be rung", UNREACHABLE)

    async def lead_out(self, number: str) -> None:
        """A menu or a queue's overflow leads the caller to an outside number; if nobody answers, they are queued."""
        settings = self._scene.settings
        number = as_dialled(number, settings.routing.short_codes)
        await self.bring(tell_to.Bring("transfer", tell_to.Target(number, outside(number, settings.edge.domain))))

    async def lead_to(self, extension: str) -> None:
        """The same to an extension; the handler who has it is busy from the first ring."""
        scene, target = self._scene, self._scene.target_at(extension)
        if target.handler:
            rung = ev.PartyRung(scene.reference, "system", "transfer", target.words, target.handler)
            if why := scene.refusal(rung):  # asked before their phone rings
                scene.tell(ev.PartyLeft(scene.reference, target.words, why, target.handler))
                scene.tell(ev.CallQueued(scene.reference))
                return
            scene.tell(rung)
        await self.bring(tell_to.Bring("transfer", target))

    def _expect(self, wish: tell_to.Bring) -> None:
        self.wish, self._redials = wish, 0
        self._scene.line.aside = wish.role in PRIVATE
        target = wish.target
        self._scene.place = {
            "third_role": wish.role,
            "third_words": target.words,
            "third_uri": target.uri,
            "third_handler": target.handler,
            "third_by_phone": "yes" if wish.by_phone else "",
        }

    async def answered(self) -> None:
        scene, wish = self._scene, self.wish
        if not self.busy:
            await scene.do(msg.Drop("third"))
        elif wish.role == "transfer" or "handler" not in scene.line.joined:
            await self.pass_caller()
        else:
            scene.tell(ev.PartyAnswered(scene.reference, wish.target.words, wish.target.handler))
            await scene.join("third")

    # --- passing the caller on ---

    async def pass_caller(self) -> None:
        """The caller talks with the third party from now on; the handler is released."""
        scene, target = self._scene, self.wish.target
        handler, scene.handler = scene.handler, target.handler
        scene.line.aside = False
        scene.line.joined.add("third")
        await self._tell_phone(PASSED, "OK")
        self.passed = True
        scene.place["third_passed"] = "yes"
        await scene.part("handler")
        if handler or target.handler:
            scene.tell(ev.CallPassed(scene.reference, handler, target.words, target.handler))
        else:
            scene.tell(ev.LedOut(scene.reference, target.words))
        if target.handler and await scene.do(msg.Rename("third", "handler")):
            scene.line.rename("third", "handler")
            self._forget()
        await scene.settle()
        scene.remember()

    async def _tell_phone(self, code: int, why: str) -> None:
        """The handler's phone, if it asked for the transfer and is still there."""
        if self.wish.by_phone and "handler" in self._scene.line.joined:
            await self._scene.do(msg.TellTransfer("handler", code, why))

    # --- going ---

    async def drop(self, why: str) -> None:
        """Given up by the handler."""
        if self.busy:
            await self._back(why, GIVEN_UP)

    async def gone(self, leg: msg.LegChanged) -> None:
        """They did not answer, or hung up."""
        if not self.busy:
            self._scene.line.leave("third")
            return
        ended, wish = leg.state == "ended", self.wish
        if leg.code == NO_SUCH_CALL and wish.target.replaces:
            await self._ring_anew(wish)
            return
        await self._back("hung up" if ended else unanswered(leg.code), leg.code)
        if ended and wish.role == "interpreter" and self._redials < INTERPRETER_REDIALS:
            await self._redial(wish)

    async def _ring_anew(self, wish: tell_to.Bring) -> None:
        """The handler has hung up on whom they asked, so there is no call to take the place of: they are just rung."""
        self._forget()
        await self.bring(replace(wish, target=replace(wish.target, replaces="")))

    async def _redial(self, wish: tell_to.Bring) -> None:
        """A dropped line must not end an interpreted conversation."""
        scene, redials = self._scene, self._redials + 1
        by = f"handler:{scene.handler}"
        scene.tell(ev.PartyRung(scene.reference, by, wish.role, wish.target.words, wish.target.handler))
        await self.bring(wish)
        self._redials = redials

    async def _back(self, why: str, code: int) -> None:
        """The caller is with the handler again, or waits where they waited when the handler has gone."""
        scene, target = self._scene, self.wish.target
        await self._tell_phone(code, why)
        self._forget()
        scene.line.aside = False
        await scene.part("third")
        scene.tell(ev.PartyLeft(scene.reference, target.words, why, target.handler))
        if not scene.handler:
            scene.tell(ev.CallQueued(scene.reference))
        elif "handler" not in scene.line.joined:
            scene.tell(ev.HandlerLeft(scene.reference, scene.handler))
            scene.handler = ""
        scene.remember()

    def _forget(self) -> None:
        self.wish, self.passed = NOBODY, False
        self._scene.place = {}

    async def give_up_leading_out(self) -> None:
        """Nobody has answered yet, and the caller is needed elsewhere."""
        if self.busy and not self.passed and not self._scene.handler:
            await self._back("the control room is called", UNREACHABLE)

    # --- after another gateway ---

    def recall(self, story: dict[str, str]) -> None:
        roles: dict[str, tell_to.Role] = {r: r for r in ("consult", "transfer", "conference", "interpreter")}
        role = roles.get(story.get("third_role", ""))
        if role is None:
            return
        target = tell_to.Target(story["third_words"], story["third_uri"], story["third_handler"])
        self.wish = tell_to.Bring(role, target, by_phone=story.get("third_by_phone") == "yes")
        passed = story.get("third_passed") == "yes"
        self.passed = passed and not target.handler
        if passed and target.handler and not self._talks:
            self._forget()  # theirs is the handler's leg by now
