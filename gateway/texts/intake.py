"""What a text means: it opens or joins a contact, or is set aside because its number is blocked. Texts that come
together are judged, and their senders looked up, together.

Nothing is thrown away: what is set aside is kept, listed and can be taken. What sounds like an emergency, what belongs
to an open contact, and a STOP or START never is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from channels.text.addresses import unanswerable
from channels.text.consent import asked
from channels.text.port import IncomingText
from config.numbers import person_of, same_person
from config.settings import Settings
from gateway.clock import Clock
from gateway.dates import impossible, late
from gateway.dispatcher import Dispatcher
from gateway.store.looks import Looks
from gateway.store.records import Attachment, Block, Message, Record
from gateway.store.store import Store
from gateway.texts.carriers import KEY
from gateway.texts.files import pending
from gateway.together import Together
from routing.events import Event, MessageArrived, Recorded
from routing.model import Channel, Party, Wish
from routing.triage import Finding
from routing.triage.finding import NOTHING

MOST_AT_ONCE = 100

Understood = tuple[Event, tuple[Record, ...]]
# What the sender is blocked by, and the reference of their latest contact ('' for none).
Seen = tuple[Block | None, str]
NOT_ASKED: Seen = (None, "")
Learned = tuple[Finding, Seen]
JudgeAll = Callable[[Sequence[str]], Awaitable[Sequence[Finding]]]


def thread_of(ours: str, sender: str) -> str:
    """The conversation between this person and this number of ours."""
    return f"text:{ours}:{sender}"


class TextIntake:
    def __init__(
        self,
        settings: Settings,
        store: Store,
        dispatcher: Dispatcher,
        clock: Clock,
        new_reference: Callable[[], str],
        new_id: Callable[[], str],
        judge_all: JudgeAll,
    ) -> None:
        self._text, self._store, self._dispatcher, self._clock = settings.text, store, dispatcher, clock
        self._new_reference, self._new_id, self._judge_all = new_reference, new_id, judge_all
        self._together = Together(self._learned, MOST_AT_ONCE)

    async def understood(self, text: IncomingText) -> Understood:
        """What happened, and what is to be written with it: the message first. Raises StoreError."""
        message = self._message(text)
        judged, (block, earlier) = await self._together.ask(text)
        finding = heard(text.body, judged)
        files = [pending(message.id, number, item) for number, item in enumerate(text.media)]
        wish = self._wish(text)
        if block is not None and not (wish or finding.sounds_like_emergency):
            return _set_aside(message, files, f"{block.address} is blocked: {block.reason}")
        event = MessageArrived(
            reference=self._new_reference(),
            message=message.id,
            channel=Channel.TEXT,
            queue=self._text.queue_of(text.recipient),
            party=Party(text.sender),
            our_address=text.recipient,
            thread=_thread(text),
            automatic=not text.can_reply,
            linked_to=earlier,
            finding=finding,
            wish=wish,
            waited=max(0.0, message.at - (message.sent_at or message.at)),
        )
        return event, (message, *files)

    def _message(self, text: IncomingText) -> Message:
        missing = f"{text.media_missing} attachment(s) were announced but did not come" if text.media_missing else ""
        now = self._clock()
        said = now if text.sent_at is None else text.sent_at
        odd = impossible("its carrier says that it had it on", said, now)
        old = "" if odd else late("its carrier has had it since", said, now)
        return Message(
            id=self._new_id(),
            reference="",
            channel="text",
            direction="in",
            sender=text.sender,
            recipient=text.recipient,
            body=text.body,
            at=now,
            by="caller",
            provider_key=f"{KEY}{text.message_sid}",
            provider_id=text.message_sid,
            problems="; ".join(filter(None, (text.problems, missing, odd or old, unanswerable(text.sender)))),
            sent_at=now if odd else text.sent_at,
        )

    def _wish(self, text: IncomingText) -> Wish:
        """STOP and START, where the number obeys them; elsewhere nobody loses their way to us by a word."""
        ours = person_of(text.recipient)
        person = self._dispatcher.board.people.get(person_of(text.sender))
        stopped = person is not None and text.recipient in person.opted_out
        obeyed = any(number.number == ours and number.opt_out == "obey" for number in self._text.numbers)
        return asked(text.body, stopped=stopped) if obeyed else ""

    async def _learned(self, texts: Sequence[IncomingText]) -> list[Learned]:
        """Raises StoreError."""
        in_thread = self._dispatcher.board.in_thread
        known = [in_thread(_thread(text)) is not None for text in texts]
        strangers = [text.sender for text, is_known in zip(texts, known, strict=True) if not is_known]
        findings, seen = await asyncio.gather(self._judge_all([text.body for text in texts]), self._seen(strangers))
        of_strangers = iter(seen)
        senders = [NOT_ASKED if is_known else next(of_strangers) for is_known in known]
        return list(zip(findings, senders, strict=True))

    async def _seen(self, senders: Sequence[str]) -> list[Seen]:
        """Raises StoreError."""
        return await self._store.look(lambda looks: self._look_at(senders, looks)) if senders else []

    def _look_at(self, senders: Sequence[str], looks: Looks) -> list[Seen]:
        blocks = looks.blocks_of(*map(person_of, senders), now=self._clock())
        return list(zip(blocks, looks.latest_of(*map(same_person, senders)), strict=True))


def heard(body: str, finding: Finding) -> Finding:
    """A carrier's command, alone, is no plea, whatever its word is like: END, UNSTOP."""
    return NOTHING if asked(body) else finding


def _thread(text: IncomingText) -> str:
    return thread_of(text.recipient, text.sender or text.message_sid)


def _set_aside(message: Message, files: list[Attachment], why: str) -> Understood:
    problems = "; ".join(filter(None, (why, message.problems)))
    kept = replace(message, by="system", status="set_aside", problems=problems)
    return Recorded("text set aside", "system", f"message {message.id}: {why}"), (kept, *files)
