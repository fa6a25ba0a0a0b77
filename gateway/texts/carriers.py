"""Our text carriers: each number of ours belongs to one, and what is sent from a number leaves by its carrier."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from channels.base import ChannelError, NotLetIn, Unreachable
from channels.text.http.carrier import HttpCarrier
from channels.text.port import Carrier, OutgoingText
from channels.text.twilio.carrier import Twilio
from config.settings import Settings
from config.text import TWILIO, Text
from gateway.alarms import Alarms
from gateway.clock import Clock
from gateway.store.records import Message
from gateway.store.store import Store
from gateway.texts.pictures import Pictures
from routing.model import Time

log = structlog.get_logger()

CHECK_SECONDS = 30.0
AGAIN_SECONDS = 2.0
# Longer than this is nothing that mends itself.
AWAY_SECONDS = 60.0
KEY = "text:"


def way_out(text: Text, ours: str, answers: Message | None) -> str:
    """The name of the sender for what is sent from this number of ours. Of a number that nobody has configured it is
    the carrier that brought what is answered."""
    carrier = text.carrier_of(ours) or (came_by(answers) if answers else "") or text.numbers[0].carrier
    return sender_name(carrier)


def sender_name(carrier: str) -> str:
    """Under which the outbox knows a carrier."""
    return "text" if carrier == TWILIO else f"text:{carrier}"


def came_by(message: Message) -> str:
    """The carrier that brought a text: Twilio's own identifiers are unique and have no carrier's name before them."""
    carrier, named, _ = (message.provider_key or "").removeprefix(KEY).partition("/")
    return carrier if named else TWILIO


@dataclass(slots=True)
class Known:
    """What is known of a carrier. ``error``: what keeps texts from being sent; ``asked_at``: by the loop's clock."""

    error: ChannelError | None = field(default_factory=lambda: Unreachable("not checked yet"))
    asked_at: float = -math.inf
    away_since: Time | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Carriers:
    """All of them, by id, each looked after. Empty for a site without texts."""

    def __init__(self, settings: Settings, clock: Clock, alarms: Alarms) -> None:
        text, url = settings.text, settings.http.public_url
        carriers: list[Carrier] = [Twilio(text, f"{url}/webhooks/{TWILIO}/status")] if text.has_twilio else []
        carriers += [HttpCarrier(c, text, f"{url}/webhooks/{c.id}/status", clock=clock) for c in text.carriers]
        self._by_id = {carrier.id: carrier for carrier in carriers}
        self._clock, self._alarms = clock, alarms
        self._known = {carrier: Known() for carrier in self._by_id}

    def get(self, carrier: str) -> Carrier | None:
        return self._by_id.get(carrier)

    def __iter__(self) -> Iterator[Carrier]:
        return iter(self._by_id.values())

    def healthy(self) -> str:
        wrong = {carrier: known.error for carrier, known in self._known.items() if known.error}
        return "; ".join(f"the text carrier {carrier}: {error}" for carrier, error in wrong.items())

    async def run(self) -> None:
        """Ask each again and again whether it is there, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for carrier in self:
                    tasks.create_task(self._watch(carrier.id), name=f"text carrier {carrier.id}")
        finally:
            for carrier in self:
                await carrier.close()

    async def check(self, carrier: str) -> None:
        """Raises what would keep a text from being sent now. However many want to know, it is asked at most once a
        second."""
        known = self._known[carrier]
        async with known.asking:
            if asyncio.get_running_loop().time() - known.asked_at >= AGAIN_SECONDS / 2:
                await self._ask(carrier, known)
        if known.error is not None:
            raise known.error.with_traceback(None)

    async def _watch(self, carrier: str) -> None:
        while True:
            with suppress(ChannelError):  # it is noted
                await self.check(carrier)
            await asyncio.sleep(AGAIN_SECONDS if self._known[carrier].error else CHECK_SECONDS)

    async def _ask(self, carrier: str, known: Known) -> None:
        try:
            await self._by_id[carrier].check()
        except ChannelError as error:
            await self.note(carrier, error)
        else:
            self._is_there(carrier, known)
        known.asked_at = asyncio.get_running_loop().time()

    async def note(self, carrier: str, error: ChannelError) -> None:
        """It takes no texts: logged when that begins; an alarm when it stays away, at once when it does not let us in,
        and again while that lasts."""
        known = self._known[carrier]
        known.error = error
        if known.away_since is None:
            known.away_since = self._clock()
            log.warning("carrier_down", carrier=carrier, why=str(error))
        why = str(error).rstrip(".")
        if isinstance(error, NotLetIn):
            told = f"The text carrier {carrier} does not let us in; what is to be sent waits: {why}. {_mend(carrier)}"
            await self._alarms.raise_one("carrier_refuses_us", carrier, told)
        elif self._clock() - known.away_since >= AWAY_SECONDS:
            told = f"The text carrier {carrier} takes no texts; what is to be sent waits: {why}."
            await self._alarms.raise_one("carrier_away", carrier, told)

    def let_in(self, carrier: str) -> None:
        """It has taken a text: that it refused us is over, and need not be said until it is next asked."""
        known = self._known[carrier]
        if isinstance(known.error, NotLetIn):
            self._is_there(carrier, known)

    def _is_there(self, carrier: str, known: Known) -> None:
        known.error = None
        if known.away_since is not None:
            log.info("carrier_back", carrier=carrier, away_seconds=round(self._clock() - known.away_since))
            known.away_since = None


def _mend(carrier: str) -> str:
    """What to do about credentials that are not accepted."""
    where = "text.account_sid and text.auth_token" if carrier == TWILIO else "the secret in text.carriers.send.auth"
    return f"See whether the account is in order, put {where} right, and start the gateway again."


@dataclass(frozen=True, slots=True)
class CarrierSender:
    """What the outbox asks of one carrier."""

    carrier: Carrier
    carriers: Carriers
    store: Store
    pictures: Pictures

    async def send(self, message: Message) -> str:
        links = await self.pictures.links(message)
        try:
            sent = await self.carrier.send(_outgoing(message, links))
        except NotLetIn as error:  # where it is asked whether it is there, it may not ask who we are
            await self.carriers.note(self.carrier.id, error)
            raise
        self.carriers.let_in(self.carrier.id)
        return sent.sid

    async def find_sent(self, message: Message, since: Time) -> str | None:
        confirmed = await self.store.sent_to(message.recipient)
        began = datetime.fromtimestamp(since, UTC)
        found = await self.carrier.find_sent(_outgoing(message), began, besides=confirmed)
        return found.sid if found else None

    async def check(self, ours: str) -> None:
        await self.carriers.check(self.carrier.id)


def senders(carriers: Carriers, store: Store, pictures: Pictures) -> Mapping[str, CarrierSender]:
    return {sender_name(carrier.id): CarrierSender(carrier, carriers, store, pictures) for carrier in carriers}


def _outgoing(message: Message, links: tuple[str, ...] = ()) -> OutgoingText:
    return OutgoingText(message.sender, message.recipient, message.body, links, message.id)
