"""Ringing a handler's phone for an offer, until it is answered, declined, missed or no longer wanted.

The phone of a handler who wants that is asked to answer by itself. They then hear a tone before the caller, who
hears music until it is over: nobody is spoken to before they know.
"""

from __future__ import annotations

from channels.voice import instructions as tell_to
from channels.voice import messages as msg
from channels.voice.reasons import unanswered
from channels.voice.scene import Scene
from routing import events as ev
from routing.model import Offer

DECLINED_CODES = (486, 600, 603)
RANG_OUT_CODES = (408, 487)
RING_GRACE_SECONDS = 1.0
TONE = "answer_tone"


class HandlerLeg:
    """``ringing``: the offer that the phone rings for. ``warned``: the tone is in the handler's ear."""

    def __init__(self, scene: Scene) -> None:
        self.ringing: Offer | None = None
        self.warned = False
        self._next: tell_to.Ring | None = None
        self._scene = scene

    async def ring(self, ring: tell_to.Ring) -> None:
        """At once, or when the leg before it is gone."""
        scene, offer = self._scene, ring.offer
        if scene.line.under_way("handler"):
            self._next = ring
            return
        if scene.full:  # no fault of the handler's
            scene.tell(ev.OfferDeclined(offer.id, scene.reference, offer.handler))
            return
        self.ringing = offer
        uri = f"sip:{ring.extension}@{scene.settings.edge.domain}"
        seconds = offer.expires_at - offer.made_at + RING_GRACE_SECONDS
        if await scene.dial("handler", uri, seconds, *self._headers(offer.handler)):
            scene.remember()
        else:
            self.ringing = None
            why = "the phone could not be rung"
            scene.tell(ev.OfferFailed(offer.id, scene.reference, offer.handler, why))

    async def stop_ringing(self, offer: str) -> None:
        if self.ringing and self.ringing.id == offer:
            self.ringing = None
            await self._scene.do(msg.Drop("handler"))
        elif self._next and self._next.offer.id == offer:
            self._next = None

    def forget(self) -> None:
        """Nobody is rung, or warned, any more: their leg is gone."""
        self.ringing = self._next = None
        self.warned = False

    async def answered(self) -> None:
        """The two talk; a phone that answers too late is hung up."""
        scene, offer = self._scene, self.ringing
        self.ringing = None
        if offer is None:
            await scene.do(msg.Drop("handler"))
            return
        scene.handler = offer.handler
        scene.tell(ev.OfferAccepted(offer.id, scene.reference, offer.handler))
        tone = msg.Play(TONE, (scene.sounds.prompt(TONE),), ("handler",))
        self.warned = scene.answers_by_itself(offer.handler) and await scene.do(tone)
        if not self.warned:
            await scene.join("handler")

    async def warning_over(self) -> None:
        if self.warned and self._scene.handler:
            await self._scene.join("handler")
        self.warned = False

    def hung_up_at_the_tone(self) -> None:
        """The caller has heard nothing of it and goes on waiting."""
        scene, warned = self._scene, self.warned
        self.warned = False
        if warned and scene.handler:
            scene.tell(ev.HandlerLost(scene.reference, scene.handler, "hung up at the tone"))
            scene.handler = ""

    def _headers(self, handler: str) -> tuple[tuple[str, str], ...]:
        """Each make of phone knows one of these: RFC 5373, and two older ones."""
        if not self._scene.answers_by_itself(handler):
            return ()
        domain = self._scene.settings.edge.domain
        return (
            ("Answer-Mode", "Auto"),
            ("Call-Info", f"<sip:{domain}>;answer-after=0"),
            ("Alert-Info", f"<http://{domain}>;info=alert-autoanswer;delay=0"),
        )

    def not_answered(self, leg: msg.LegChanged) -> None:
        offer, self.ringing = self.ringing, None
        if offer is None:
            return
        about = (offer.id, self._scene.reference, offer.handler)
        if leg.code in DECLINED_CODES:
            self._scene.tell(ev.OfferDeclined(*about))
        elif leg.code in RANG_OUT_CODES:
            self._scene.tell(ev.OfferMissed(*about))
        else:
            self._scene.tell(ev.OfferFailed(*about, unanswered(leg.code)))

    async def ring_next(self) -> None:
        """The offer that came while the leg before it was still there."""
        if self._next and not self._scene.over:
            ring, self._next = self._next, None
            await self.ring(ring)
