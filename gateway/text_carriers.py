"""Our text carriers: each number of ours belongs to one, and what is sent from a number leaves by its carrier."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from channels.base import ChannelError
from channels.text.http.carrier import HttpCarrier
from channels.text.port import Carrier, OutgoingText
from channels.text.twilio.carrier import Twilio
from config.settings import Settings
from config.text import TWILIO, Text
from gateway.alarms import Alarms
from gateway.clock import Clock
from gateway.pictures import Pictures
from gateway.store.records import Message
from gateway.store.store import Store
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


class Carriers:
    """All of them, by id, each looked after. Empty for a site without texts."""

    def __init__(self, settings: Settings, clock: Clock, alarms: Alarms) -> None:
        text, url = settings.text, settings.http.public_url
        carriers: list[Carrier] = [Twilio(text, f"{url}/webhooks/{TWILIO}/status")] if text.has_twilio else []
        carriers += [HttpCarrier(c, text, f"{url}/webhooks/{c.id}/status", clock=clock) for c in text.carriers]
        self._by_id = {carrier.id: carrier for carrier in carriers}
        self._clock, self._alarms = clock, alarms
        self._down = dict.fromkeys(self._by_id, "not checked yet")
        self._away_since: dict[str, Time] = {}

    def get(self, carrier: str) -> Carrier | None:
        return self._by_id.get(carrier)

    def __iter__(self) -> Iterator[Carrier]:
        return iter(self._by_id.values())

    def healthy(self) -> str:
        return "; ".join(f"the text carrier {carrier}: {why}" for carrier, why in self._down.items() if why)

    async def run(self) -> None:
        """Ask each again and again whether it is there, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for carrier in self:
                    tasks.create_task(self._watch(carrier), name=f"text carrier {carrier.id}")
        finally:
            for carrier in self:
                await carrier.close()

    async def _watch(self, carrier: Carrier) -> None:
        while True:
            try:
                await carrier.check()
            except ChannelError as error:
                await self._is_away(carrier.id, str(error))
            else:
                self._is_there(carrier.id)
            await asyncio.sleep(AGAIN_SECONDS if self._down[carrier.id] else CHECK_SECONDS)

    async def _is_away(self, carrier: str, why: str) -> None:
        """Logged when it goes; an alarm when it stays away, and again while that lasts."""
        self._down[carrier] = why
        if carrier not in self._away_since:
            log.warning("carrier_down", carrier=carrier, why=why)
        if self._clock() - self._away_since.setdefault(carrier, self._clock()) >= AWAY_SECONDS:
            told = f"The text carrier {carrier} takes no texts; what is to be sent waits: {why.rstrip('.')}."
            await self._alarms.raise_one("carrier_away", carrier, told)

    def _is_there(self, carrier: str) -> None:
        self._down[carrier] = ""
        since = self._away_since.pop(carrier, None)
        if since is not None:
            log.info("carrier_back", carrier=carrier, away_seconds=round(self._clock() - since))


@dataclass(frozen=True, slots=True)
class CarrierSender:
    """What the outbox asks of one carrier."""

    carrier: Carrier
    store: Store
    pictures: Pictures

    async def send(self, message: Message) -> str:
        links = await self.pictures.links(message)
        return (await self.carrier.send(_outgoing(message, links))).sid

    async def find_sent(self, message: Message, since: Time) -> str | None:
        confirmed = await self.store.sent_to(message.recipient)
        began = datetime.fromtimestamp(since, UTC)
        found = await self.carrier.find_sent(_outgoing(message), began, besides=confirmed)
        return found.sid if found else None

    async def check(self, ours: str) -> None:
        await self.carrier.check()


def senders(carriers: Carriers, store: Store, pictures: Pictures) -> Mapping[str, CarrierSender]:
    return {sender_name(carrier.id): CarrierSender(carrier, store, pictures) for carrier in carriers}


def _outgoing(message: Message, links: tuple[str, ...] = ()) -> OutgoingText:
    return OutgoingText(message.sender, message.recipient, message.body, links, message.id)
