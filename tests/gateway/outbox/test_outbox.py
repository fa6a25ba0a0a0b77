"""What was decided to be sent is sent, once, or somebody is told that it was not."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from channels.base import ChannelError, Deferred, NotLetIn, Refused, Throttled, Unreachable
from config.settings import Outbox as OutboxSettings
from gateway.dispatcher import Committed
from gateway.outbox.outbox import Outbox
from gateway.store.records import Message, MessageStatus, OutboxItem
from gateway.story import sentence
from routing import events as ev
from routing.commands import RaiseAlarm
from routing.model import Time
from tests.support.crash import Nursery, Provider
from tests.support.writer import Writer, assert_sound, settings_for, until

QUICK = OutboxSettings(attempts=4, first_retry_seconds=0.02, last_retry_seconds=0.05, concurrency=5)


@dataclass
class FakeCarrier:
    """Takes texts as a carrier does. ``answers`` are the errors of the next tries; None takes the text.

    ``loses``: the text is taken, and the line breaks before we hear of it. ``away``: it takes no connection.
    ``never``: messages at which the line breaks each time.
    """

    answers: list[ChannelError | None] = field(default_factory=list)
    lookups: list[ChannelError | None] = field(default_factory=list)
    loses: int = 0
    away: bool = False
    never: frozenset[str] = frozenset()
    checks: int = 0
    taken: list[tuple[str, str, str]] = field(default_factory=list)
    tries: list[tuple[str, float]] = field(default_factory=list)
    under_way: int = 0
    most_at_once: int = 0
    gate: asyncio.Event | None = None
    confirmed: Callable[[str], set[str]] = lambda recipient: set()

    async def send(self, message: Message) -> str:
        self.tries.append((message.id, time.monotonic()))
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            if self.gate:
                await self.gate.wait()
            error = self.answers.pop(0) if self.answers else None
            if error:
                raise error
            if self.away or message.id in self.never:
                raise Unreachable("refused")
            self.taken.append((f"SM{len(self.taken)}", message.recipient, message.body))
            if self.loses:
                self.loses -= 1
                raise Unreachable("the line broke")
            return self.taken[-1][0]
        finally:
            self.under_way -= 1

    async def check(self, ours: str) -> None:
        self.checks += 1
        if self.away:
            raise Unreachable("refused")

    async def find_sent(self, message: Message, since: Time) -> str | None:
        """The oldest text of these words to this person that is not confirmed as another."""
        error = self.lookups.pop(0) if self.lookups else None
        if error:
            raise error
        await asyncio.sleep(0)
        others = self.confirmed(message.recipient)
        same = [s for s, to, body in self.taken if (to, body) == (message.recipient, message.body) and s not in others]
        return same[0] if same else None


@asynccontextmanager
async def at_work(
    directory: Path,
    carrier: FakeCarrier,
    quick: OutboxSettings = QUICK,
    forbidden: Callable[[Message], str] = lambda message: "",
    clock: Callable[[], float] = time.time,
    **others: FakeCarrier,
) -> AsyncIterator[tuple[Writer, Outbox]]:
    """A gateway's writer and outbox; ``others`` are more ways out, by their names."""
    settings = settings_for(directory)
    async with Writer(settings.store.url, settings, clock) as writer:
        senders, chance = {"text": carrier, **others}, random.Random(1)
        outbox = Outbox(quick, writer.store, writer.dispatcher, senders, clock, chance, forbidden)
        writer.watchers.append(outbox.committed)
        sending = asyncio.create_task(outbox.run())
        try:
            yield writer, outbox
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


def reply(
    n: int, recipient: str = "+447700900001", body: str = "", reference: str = "T1"
) -> tuple[Message, OutboxItem]:
    message = Message(
        id=f"r{n}",
        reference=reference,
        channel="text",
        direction="out",
        sender="61016",
        recipient=recipient,
        body=body or f"reply {n}",
        at=float(n),
        by="handler:anna",
        status="waiting",
    )
    return message, OutboxItem(message.id, reference, "text", next_at=time.time())


async def written(
    writer: Writer, n: int = 1, recipient: str = "+447700900001", body: str = "", reference: str = "T1"
) -> None:
    event = ev.Recorded("reply", "handler:anna", reference=reference)
    await writer.dispatcher.submit(event, *reply(n, recipient, body, reference))


async def interrupted(directory: Path, *numbers: int, body: str) -> None:
    """Replies that an earlier gateway had claimed when it died."""
    settings = settings_for(directory)
    async with Writer(settings.store.url, settings) as writer:
        for n in numbers:
            message, _ = reply(n, body=body)
            claimed = OutboxItem(message.id, "T1", "text", "claimed", 1, time.time() - 1, time.time() - 1)
            await writer.dispatcher.submit(ev.SendingClaimed("T1", message.id, 1), message, claimed)


def ahead(hours: float) -> Callable[[], float]:
    """A clock that is so far ahead."""
    return lambda: time.time() + hours * 3600


def raised(writer: Writer) -> list[RaiseAlarm]:
    return [c for done in writer.committed for c in done.commands if isinstance(c, RaiseAlarm)]


def kinds(writer: Writer) -> list[str]:
    """Of everything that was committed, in order."""
    return [row.kind for committed in writer.committed for row in committed.rows]


async def done(outbox: Outbox) -> None:
    await until(lambda: outbox.open == 0)


# --- sending -----------------------------------------------------------------------------------------


async def test_a_message_is_claimed_sent_and_confirmed(tmp_path: Path) -> None:
    carrier = FakeCarrier()
    async with at_work(tmp_path, carrier) as (writer, outbox):
        await written(writer)
        await until(lambda: bool(carrier.taken))
        await done(outbox)
        message = await writer.store.message("r1")
        assert message is not None and (message.status, message.provider_id) == ("sent", "SM0")
        assert await writer.store.outbox_open() == []
        assert kinds(writer)[-3:] == ["Recorded", "SendingClaimed", "MessageSent"]
        await assert_sound(writer.store, writer.rules, writer.dispatcher.board)


async def test_what_must_not_go_out_any_more_is_given_up_with_the_reason_and_never_tried(tmp_path: Path) -> None:
    carrier = FakeCarrier()
    async with at_work(tmp_path, carrier, forbidden=lambda message: "not safe") as (writer, outbox):
        await written(writer)
        await until(lambda: outbox.open == 0)
        assert carrier.tries == []
        failed = [row async for row in writer.store.journal(kind="SendingFailed")]
        assert '"why":"not safe"' in failed[0].document and '"final":true' in failed[0].document


async def test_an_acknowledgement_leaves_by_itself(tmp_path: Path) -> None:
    carrier = FakeCarrier()
    async with at_work(tmp_path, carrier) as (writer, outbox):
        await writer.text(1)
        await until(lambda: bool(carrier.taken))
        await done(outbox)
        assert carrier.taken[0][1] == "+447700000001"


async def test_a_failed_try_is_repeated_later_and_later(tmp_path: Path) -> None:
    carrier = FakeCarrier(answers=[Unreachable("503"), Unreachable("503"), None])
    async with at_work(tmp_path, carrier) as (writer, outbox):
        await written(writer)
        await until(lambda: bool(carrier.taken))
        await done(outbox)
        first, second, third = (at for _, at in carrier.tries)
        assert second - first >= 0.01 and third - second >= 0.02
        failures = [row.document async for row in writer.store.journal() if row.kind == "SendingFailed"]
        assert len(failures) == 2 and all('"final":false' in f for f in failures)


async def test_a_carrier_that_asks_for_patience_gets_it(tmp_path: Path) -> None:
    carrier = FakeCarrier(answers=[Throttled("429", retry_after=0.3)])
    async with at_work(tmp_path, carrier) as (writer, outbox):
        await written(writer)
        await until(lambda: bool(carrier.taken))
        await done(outbox)
        assert carrier.tries[1][1] - carrier.tries[0][1] >= 0.29


async def test_while_a_carrier_asks_for_patience_nothing_else_is_sent_to_it_either(tmp_path: Path) -> None:
    carrier = FakeCarrier(answers=[Throttled("429", retry_after=0.4)])
    async with at_work(tmp_path, carrier) as (writer, outbox):
        await written(writer, 1)
        await until(lambda: len(carrier.tries) == 1)
        await asyncio.gather(*(written(writer, n, f"+44770090000{n}") for n in range(2, 6)))
        await until(lambda: len(carrier.taken) == 5)
        await done(outbox)
        first, *others = [at for _, at in carrier.tries]
        assert min(others) - first >= 0.39
        assert len(others) == 5, "the one that was refused once, and each of the others once"


async def test_replies_to_one_contact_that_waited_for_the_carrier_leave_in_their_order(tmp_path: Path) -> None:
    carrier = FakeCarrier(away=True)
    async with at_work(tmp_path, carrier, QUICK.model_copy(update={"attempts": 1000})) as (writer, outbox):
        for n in range(1, 5):
            await written(writer, n)
        await until(lambda: carrier.checks > 4)
        await until(lambda: not carrier.under_way)
        carrier.away = False
        await done(outbox)
        assert [body for _, _, body in carrier.taken] == [f"reply {n}" for n in range(1, 5)]


async def test_two_messages_of_one_second_have_two_names_in_the_story(tmp_path: Path) -> None:
    """The one that was refused is not taken for the one that left."""
    settings = settings_for(tmp_path)
    async with Writer(settings.store.url, settings) as writer:
        for n, at in enumerate((3.2, 3.2, 3.9, 4.0)):
            message, item = reply(n)
            event = ev.Recorded("reply", "handler:anna", reference="T1")
            await writer.dispatcher.submit(event, replace(message, at=at), item)
    carrier = FakeCarrier(answers=[None, Refused("no such number")])
    async with at_work(tmp_path, carrier) as (writer, outbox):
        await until(lambda: kinds(writer).count("MessageSent") == 3)
        await done(outbox)
        rows = [row async for row in writer.store.journal(reference="T1")]
        ends = [sentence(row) for row in rows if row.kind in ("MessageSent", "SendingFailed")]
        assert ends == [
            "sent anna's message no. 1 of 00:00:03 UTC; the provider has it",
            "could not send anna's message no. 2 of 00:00:03 UTC: no such number",
            "sent anna's message no. 3 of 00:00:03 UTC; the provider has it",
            "sent anna's message of 00:00:04 UTC; the provider has it",
        ]


async def test_a_carrier_that_is_away_uses_up_no_try_however_long_it_stays(tmp_path: Path) -> None:
    """It is asked whether it is there, and no message is tried at it meanwhile."""
    carrier = FakeCarrier(away=True)
    async with at_work(tmp_path, carrier, QUICK.model_copy(update={"attempts": 1})) as (writer, outbox):
        for n in range(1, 4):
            await written(writer, n)
        await until(lambda: carrier.checks > 5)
        assert outbox.open == 3 and len(carrier.tries) == 1
        failures = [row.document async for row in writer.store.journal(kind="SendingFailed")]
        assert len(failures) == 3 and all("this message waits until it is back" in f for f in failures)
        named = {f"anna's message of 00:00:0{n} UTC" for n in range(1, 4)}
        assert {json.loads(f)["which"] for f in failures} == named
        assert {m.status for m in await writer.store.messages("T1")} == {"waiting"}
        carrier.away = False
        await done(outbox)
        assert [body for _, _, body in carrier.taken] == ["reply 1", "reply 2", "reply 3"]
        assert "RaiseAlarm" not in kinds(writer)


async def test_what_waited_for_the_carrier_leaves_as_soon_as_it_is_back_emergencies_first(tmp_path: Path) -> None:
    carrier = FakeCarrier(away=True)
    patient = QUICK.model_copy(update={"last_retry_seconds": 600.0, "concurrency": 1})
    async with at_work(tmp_path, carrier, patient) as (writer, outbox):
        await writer.text(1)
        await writer.text(2)
        await writer.dispatcher.submit(ev.EmergencyRaised("T2", "handler:anna", "knife"))
        await until(lambda: carrier.checks > 3)
        back, carrier.away = time.monotonic(), False
        await done(outbox)
        assert [to[-1] for _, to, _ in carrier.taken] == ["2", "1"]
        assert carrier.tries[-1][1] - back < 1


def _got_on(outbox: Outbox, carrier: FakeCarrier, before: int) -> bool:
    return outbox.open == 0 or len(carrier.tries) > before + 1


async def test_tries_count_only_while_others_leave_by_the_same_way(tmp_path: Path) -> None:
    carrier = FakeCarrier(never=frozenset({"r1"}))
    async with at_work(tmp_path, carrier) as (writer, outbox):
        await written(writer, 1)
        numbers = itertools.count(2)
        while outbox.open:
            before = len(carrier.tries)
            await written(writer, next(numbers), "+447700900002", reference="T2")
            await until(functools.partial(_got_on, outbox, carrier, before))
        await done(outbox)
        assert [alarm.what for alarm in await writer.commands(RaiseAlarm)][-1] == "message_not_sent"


async def test_they_leave_in_their_order_after_a_restart_too(tmp_path: Path) -> None:
    async with Writer(settings_for(tmp_path).store.url, settings_for(tmp_path)) as writer:
        for n, soon in ((1, 0.3), (2, 0.1), (3, 0.2)):
            message, item = reply(n)
            event = ev.Recorded("reply", "handler:anna", reference="T1")
            await writer.dispatcher.submit(event, message, replace(item, next_at=time.time() + soon))
    carrier = FakeCarrier()
    async with at_work(tmp_path, carrier) as (_, outbox):
        await until(lambda: len(carrier.taken) == 3)
        await done(outbox)
        assert [body for _, _, body in carrier.taken] == ["reply 1", "reply 2", "reply 3"]


@pytest.mark.parametrize("trouble", [Unreachable("gone"), Throttled("429", retry_after=0.0)])
async def test_a_carrier_that_comes_back_in_the_middle_of_a_row_does_not_break_the_order(
    tmp_path: Path, trouble: ChannelError
) -> None:
    """It is there again at once after the first of them has failed."""
    async with Writer(settings_for(tmp_path).store.url, settings_for(tmp_path)) as writer:
        for n in range(1, 5):
            await written(writer, n)
    carrier = FakeCarrier(answers=[trouble, None, trouble])
    async with at_work(tmp_path, carrier) as (_, outbox):
        await until(lambda: len(carrier.taken) == 4)
        await done(outbox)
    assert [body for _, _, body in carrier.taken] == [f"reply {n}" for n in range(1, 5)]
    assert [message for message, _ in carrier.tries] == ["r1", "r1", "r2", "r2", "r3", "r4"]


async def test_a_reply_that_fails_for_itself_holds_back_no_other(tmp_path: Path) -> None:
    """It does when it fails again although others have left by the same way meanwhile."""
    carrier = FakeCarrier(never=frozenset({"r1"}))
    long = QUICK.model_copy(update={"attempts": 1000})
    async with at_work(tmp_path, carrier, long) as (writer, _):
        await written(writer, 1)
        await until(lambda: kinds(writer).count("SendingFailed") == 1)
        await written(writer, 2, "+447700900002", reference="T2")
        await written(writer, 3)
        await until(lambda: kinds(writer).count("MessageSent") == 2)
        assert {message.body for message in await writer.store.messages("T1") if message.status == "sent"} == {
            "reply 3"
        }


async def test_without_others_it_holds_back_the_next_for_so_many_tries_and_then_somebody_is_told(
    tmp_path: Path,
) -> None:
    carrier = FakeCarrier(never=frozenset({"r1"}))
    async with at_work(tmp_path, carrier) as (writer, _):
        await written(writer, 1)
        await until(lambda: kinds(writer).count("SendingFailed") == 1)
        await written(writer, 2)
        await until(lambda: len(carrier.taken) == 1)
        tried = [message for message, _ in carrier.tries]
        assert tried[: QUICK.attempts + 2] == ["r1"] * (QUICK.attempts + 1) + ["r2"]
        assert [alarm.what for alarm in await writer.commands(RaiseAlarm)] == ["message_waits"]


async def test_a_carrier_that_begins_to_rest_costs_no_message_whose_turn_comes_just_then(tmp_path: Path) -> None:
    carrier = FakeCarrier(answers=[Throttled("429", retry_after=0.3)], gate=asyncio.Event())
    assert carrier.gate
    async with at_work(tmp_path, carrier, QUICK.model_copy(update={"concurrency": 1})) as (writer, outbox):
        await written(writer, 1)
        await until(lambda: carrier.under_way == 1)
        await written(writer, 2, "+447700900002", reference="T2")
        carrier.gate.set()
        await done(outbox)
        assert sorted(body for _, _, body in carrier.taken) == ["reply 1", "reply 2"]
        first, *others = [at for _, at in carrier.tries]
        assert len(others) == 2 and min(others) - first >= 0.29


async def test_a_refusal_is_final_and_somebody_is_told(tmp_path: Path) -> None:
    carrier = FakeCarrier(answers=[Refused("21610: the recipient has opted out", code="21610")])
    async with at_work(tmp_path, carrier) as (writer, outbox):
        await writer.text(1)
        (alarm,) = await writer.commands(RaiseAlarm)
        await done(outbox)
        assert (alarm.what, alarm.reference) == ("message_not_sent", "T1") and "opted out" in alarm.why
        assert len(carrier.tries) == 1
        message = await writer.store.message("T1-acknowledgement")
        assert message is not None and message.status == "failed"


async def test_a_fault_of_ours_counts_as_a_failed_try_and_the_others_are_sent(tmp_path: Path) -> None:
    carrier = FakeCarrier()
    async with at_work(tmp_path, carrier) as (writer, outbox):
        lost = OutboxItem("r2", "T1", "fax", next_at=time.time())
        message, _ = reply(2)
        await writer.dispatcher.submit(ev.Recorded("reply", "handler:anna", reference="T1"), message, lost)
        await written(writer, 1)
        assert [a.what for a in await writer.commands(RaiseAlarm)] == ["message_not_sent"]
        await done(outbox)
        assert [body for _, _, body in carrier.taken] == ["reply 1"]


async def test_so_many_are_sent_at_once_and_no_more(tmp_path: Path) -> None:
    carrier = FakeCarrier(gate=asyncio.Event())
    assert carrier.gate
    async with at_work(tmp_path, carrier) as (writer, outbox):
        for n in range(12):
            await written(writer, n, f"+44770090{n:04}", reference=f"T{n}")
        await until(lambda: carrier.under_way == QUICK.concurrency)
        assert outbox.open == 12
        carrier.gate.set()
        await done(outbox)
        assert carrier.most_at_once == QUICK.concurrency and len(carrier.taken) == 12


async def test_a_message_that_is_put_twice_is_sent_once(tmp_path: Path) -> None:
    """An item that is committed while the outbox starts is seen twice: in the tables, and as new."""
    carrier = FakeCarrier(gate=asyncio.Event())
    assert carrier.gate
    async with at_work(tmp_path, carrier) as (writer, outbox):
        message, item = reply(1)
        await writer.store.save(message, item)
        for _ in range(3):
            outbox.committed(Committed((), (), (item,)))
        await until(lambda: carrier.under_way == 1)
        for _ in range(3):
            outbox.committed(Committed((), (), (item,)))
        await written(writer, 2, "+447700900002", reference="T2")
        await until(lambda: carrier.under_way == 2)
        carrier.gate.set()
        await done(outbox)
        assert sorted(m for m, _ in carrier.tries) == ["r1", "r2"]


# --- interrupted -------------------------------------------------------------------------------------


async def test_a_try_whose_answer_was_lost_is_looked_up_and_not_repeated(tmp_path: Path) -> None:
    carrier = FakeCarrier(loses=1)
    async with at_work(tmp_path, carrier) as (writer, outbox):
        await written(writer)
        await until(lambda: bool(carrier.taken))
        await done(outbox)
        assert len(carrier.taken) == len(carrier.tries) == 1
        message = await writer.store.message("r1")
        assert message is not None and (message.status, message.provider_id) == ("sent", "SM0")


async def test_what_an_earlier_gateway_sent_is_found_after_a_restart(tmp_path: Path) -> None:
    await interrupted(tmp_path, 1, body="on our way")
    carrier = FakeCarrier(taken=[("SM0", "+447700900001", "on our way")])
    async with at_work(tmp_path, carrier) as (writer, outbox):
        await until(lambda: "MessageSent" in kinds(writer))
        await done(outbox)
        assert carrier.tries == []


async def test_what_an_earlier_gateway_only_claimed_is_sent_after_a_restart(tmp_path: Path) -> None:
    await interrupted(tmp_path, 1, body="on our way")
    carrier = FakeCarrier()
    async with at_work(tmp_path, carrier) as (_, outbox):
        await until(lambda: bool(carrier.taken))
        await done(outbox)
        assert len(carrier.taken) == 1


@pytest.mark.parametrize("already_taken", [0, 1, 2])
async def test_two_interrupted_messages_of_the_same_words_are_two(tmp_path: Path, already_taken: int) -> None:
    """However many of them the carrier has, it has both in the end, and each is confirmed as itself."""
    await interrupted(tmp_path, 1, 2, body="yes")
    carrier = FakeCarrier(taken=[(f"SM{n}", "+447700900001", "yes") for n in range(already_taken)])
    async with at_work(tmp_path, carrier) as (writer, outbox):
        carrier.confirmed = lambda recipient: {
            r.provider_id for c in writer.committed for r in c.records if isinstance(r, MessageStatus)
        }
        await until(lambda: kinds(writer).count("MessageSent") == 2)
        await done(outbox)
        ids = {m.provider_id for m in await writer.store.messages("T1")}
        assert ids == {"SM0", "SM1"} and len(carrier.tries) == 2 - already_taken


async def test_a_twin_that_leaves_meanwhile_is_not_taken_for_the_interrupted_one(tmp_path: Path) -> None:
    await interrupted(tmp_path, 1, body="yes")
    carrier = FakeCarrier(lookups=[Unreachable("503")])
    async with at_work(tmp_path, carrier) as (writer, outbox):
        carrier.confirmed = lambda recipient: {
            r.provider_id for c in writer.committed for r in c.records if isinstance(r, MessageStatus)
        }
        await written(writer, 2, body="yes")
        await until(lambda: len(carrier.taken) == 2)
        await done(outbox)
        assert sorted(m.provider_id for m in await writer.store.messages("T1")) == ["SM0", "SM1"]


async def test_a_carrier_that_cannot_even_be_asked_is_waited_for(tmp_path: Path) -> None:
    await interrupted(tmp_path, 1, body="on our way")
    carrier = FakeCarrier(lookups=[Unreachable("503")] * (QUICK.attempts + 2))
    async with at_work(tmp_path, carrier) as (_, outbox):
        await until(lambda: bool(carrier.taken))
        await done(outbox)
        assert len(carrier.tries) == 1


async def test_what_waited_goes_on_waiting_after_a_restart(tmp_path: Path) -> None:
    carrier = FakeCarrier(answers=[Throttled("429", retry_after=0.5)])
    async with at_work(tmp_path, carrier) as (writer, _):
        await written(writer)
        await until(lambda: "SendingFailed" in kinds(writer))
    async with at_work(tmp_path, carrier) as (_, outbox):
        await until(lambda: bool(carrier.taken))
        await done(outbox)
        assert carrier.tries[1][1] - carrier.tries[0][1] >= 0.45


async def test_what_was_written_while_an_outbox_starts_leaves_after_what_an_earlier_one_left(tmp_path: Path) -> None:
    """To one contact."""
    async with Writer(settings_for(tmp_path).store.url, settings_for(tmp_path)) as writer:
        await written(writer, 1)
        carrier = FakeCarrier()
        senders, chance = {"text": carrier}, random.Random(1)
        outbox = Outbox(QUICK, writer.store, writer.dispatcher, senders, time.time, chance, lambda message: "")
        writer.watchers.append(outbox.committed)
        await written(writer, 2)
        sending = asyncio.create_task(outbox.run())
        await until(lambda: len(carrier.taken) == 2)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        assert [body for _, _, body in carrier.taken] == ["reply 1", "reply 2"]


def _has_taken(carrier: FakeCarrier, words: str) -> bool:
    return words in [body for _, _, body in carrier.taken]


async def test_a_mail_that_its_server_wants_later_holds_up_no_other_and_uses_up_no_try(tmp_path: Path) -> None:
    """Greylisting, while others leave by the same way again and again."""
    later = Deferred("451 4.7.1 greylisted", code="451", alone=True)
    carrier = FakeCarrier(answers=[later], lookups=[later] * QUICK.attempts)
    async with at_work(tmp_path, carrier) as (writer, outbox):
        await written(writer, 1)
        await until(lambda: kinds(writer).count("SendingFailed") == 1)
        for n in itertools.takewhile(lambda _: carrier.lookups, itertools.count(2)):
            await written(writer, n, f"+44770090{n:04}")
            await until(functools.partial(_has_taken, carrier, f"reply {n}"))
        await done(outbox)
        assert {message.status for message in await writer.store.messages("T1")} == {"sent"}
        failures = [row.document async for row in writer.store.journal(kind="SendingFailed")]
        assert len(failures) > QUICK.attempts
        assert all("this message waits and is tried again, for up to 96 hours" in f for f in failures)
        assert "RaiseAlarm" not in kinds(writer)


async def test_of_a_mail_that_waits_for_long_somebody_is_told_once_and_in_the_end_that_it_is_given_up(
    tmp_path: Path,
) -> None:
    brief = {"deferred_hours": 0.5 / 3600, "deferred_told_minutes": 0.1 / 60}
    carrier = FakeCarrier(answers=[Deferred("451 greylisted", code="451", alone=True)], lookups=[])
    carrier.lookups += [Deferred("451 greylisted", code="451", alone=True)] * 1000
    async with at_work(tmp_path, carrier, QUICK.model_copy(update=brief)) as (writer, outbox):
        await written(writer)
        await until(lambda: kinds(writer).count("SendingFailed") > 1)
        await done(outbox)
        waits, given_up = await writer.commands(RaiseAlarm)
        assert (waits.what, given_up.what) == ("message_waits", "message_not_sent")
        assert waits.reference == given_up.reference == "T1"
        assert waits.why.startswith("Anna's message of 00:00:01 UTC has not left yet, and is still tried: 451")


async def test_the_hours_for_which_a_server_may_want_a_mail_later_do_not_begin_anew_with_us(tmp_path: Path) -> None:
    """A gateway that is restarted every day would never give it up, and tell of it every day."""
    later = Deferred("451 greylisted", code="451", alone=True)
    patient = QUICK.model_copy(update={"deferred_hours": 96.0, "deferred_told_minutes": 60.0})
    alarms: list[list[str]] = []
    for hours in (0, 50, 95, 97):
        carrier = FakeCarrier(answers=[later], lookups=[later] * 1000)
        async with at_work(tmp_path, carrier, patient, clock=ahead(hours)) as (writer, _):
            if not hours:
                await written(writer)
            await until(lambda: "SendingFailed" in kinds(writer))
            alarms.append([alarm.what for alarm in raised(writer)])
    assert alarms == [[], ["message_waits"], [], ["message_not_sent"]]


async def test_a_server_that_does_not_let_us_in_costs_no_message_however_long_it_lasts(tmp_path: Path) -> None:
    carrier = FakeCarrier(answers=[NotLetIn("the secret has expired")] * (QUICK.attempts + 3))
    async with at_work(tmp_path, carrier) as (writer, outbox):
        await written(writer)
        await until(lambda: bool(carrier.taken))
        await done(outbox)
        assert "RaiseAlarm" not in kinds(writer), "what waits is not given up"


async def test_killed_twenty_times_none_is_lost_and_none_doubled(tmp_path: Path) -> None:
    settings, messages, chance = settings_for(tmp_path), 600, random.Random(5)
    async with Writer(settings.store.url, settings) as writer:
        await asyncio.gather(*(writer.text(n) for n in range(messages)))
    provider = Provider(tmp_path / "provider")
    with Nursery() as nursery:
        for _ in range(20):
            after, moment = chance.randint(1, 12), chance.uniform(0, 0.01)
            nursery.killed("send", settings.store.url, str(tmp_path), after=after, moment=moment)
    assert len(provider.taken()) < messages, "it was killed in the middle of its work"
    async with Writer(settings.store.url, settings) as writer:
        senders = {"text": provider}
        outbox = Outbox(QUICK, writer.store, writer.dispatcher, senders, time.time, chance, lambda message: "")
        writer.watchers.append(outbox.committed)
        sending = asyncio.create_task(outbox.run())
        await until(lambda: len(set(provider.taken())) == messages and outbox.open == 0)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        assert len(provider.taken()) == messages, "none twice"
        assert await writer.store.outbox_open() == []
        await assert_sound(writer.store, writer.rules, writer.dispatcher.board)


async def test_a_carrier_that_hangs_or_rests_holds_up_no_other(tmp_path: Path) -> None:
    fast, hangs, rests = FakeCarrier(), FakeCarrier(gate=asyncio.Event()), FakeCarrier()
    rests.answers.append(Throttled("slower", retry_after=60))
    async with at_work(tmp_path, fast, hangs=hangs, rests=rests) as (writer, _):
        for n, way in enumerate([*["hangs"] * (QUICK.concurrency + 1), "rests"]):
            message, item = reply(n, f"+44770090{n:04}", reference=f"T{n}")
            event = ev.Recorded("reply", "handler:anna", reference=item.reference)
            await writer.dispatcher.submit(event, message, replace(item, channel=way))
        await until(lambda: hangs.under_way == QUICK.concurrency and len(rests.tries) == 1)

        await written(writer, 100, "+447700911111")
        await until(lambda: len(fast.taken) == 1)

        assert (hangs.taken, rests.taken) == ([], [])
        assert hangs.gate
        hangs.gate.set()
        await until(lambda: len(hangs.taken) == QUICK.concurrency + 1)
