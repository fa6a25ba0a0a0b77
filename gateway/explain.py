"""Asks the journal: why this handler and not that one, why still waiting, for any contact and instant."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.past import History, Past, Progress
from gateway.store.documents import load_change
from gateway.store.store import Store
from routing.board import Board
from routing.commands import MakeOffer
from routing.events import Recorded
from routing.explain.explain import explained, why_chosen
from routing.explain.facts import Chosen, Compared, Explanation, Waited, When
from routing.explain.waiting import why_waited
from routing.model import Time
from routing.rules import Rules

STARTED_WITH = "started with routing rules"


class NotExplained(Exception):
    """There was no such contact, or not yet; the words are for a person."""


async def explain(
    store: Store, rules: Rules, reference: str, at: Time, when: When, progress: Progress = lambda done, of: None
) -> Explanation:
    """What the journal tells of this contact at this instant, rows of that instant included.

    Raises NotExplained, NotFollowed, StoreError.
    """
    rows = [row async for row in store.journal(reference=reference)]
    if not rows:
        raise NotExplained(f"The journal knows no contact {reference}.")
    rows = [row for row in rows if row.at <= at] if rows[0].at <= at else []
    if not rows:
        raise NotExplained(f"There was no contact {reference} yet at {when(at)}.")
    offers = [(row.seq, offer) for row in rows if isinstance(offer := load_change(row.kind, row.document), MakeOffer)]
    earnest = next(((seq, offer) for seq, offer in reversed(offers) if not offer.offer.broadcast), None)
    past, chosen = None, None
    wait = Wait(reference, sorted({row.at for row in rows}), when)
    history = History(store, rules, progress, before=wait.look)
    if earnest is not None:
        past, chosen = await _chosen(history, *earnest, [offer for _, offer in offers], when)
    # What it had waited for is told by the board of then, and nothing happens to it after it was closed.
    last = max((row.seq for row in rows if row.kind != "Recorded"), default=rows[-1].seq)
    past = await history.until(last, reference, past)
    if past.contact(reference).closed_at is None:
        last = await history.last_row(at)
        past = await history.until(last, reference, past)
    used, latest = digest_of(rules), (await store.head()).seq
    return explained(
        past.board, past.contact(reference), at, when, chosen, wait.last,
        _compared(await history.recorded(STARTED_WITH, rows[0].seq, last), used),
        _compared(await history.recorded(STARTED_WITH, latest, latest), used),
    )  # fmt: skip


async def _chosen(
    history: History, seq: int, offer: MakeOffer, offers: Sequence[MakeOffer], when: When
) -> tuple[Past, Chosen]:
    """The board right before the offer was made, and what it says of it."""
    past = await history.until(seq - 1, offer.offer.reference)
    beside = (o.offer for o in offers if o.offer.broadcast and o.offer.made_at == offer.offer.made_at)
    return past, why_chosen(past.board, offer, [shown.handler for shown in beside], when)


class Wait:
    """Looks at one contact right before each of the ``instants`` at which something happened to it: ``last`` is how
    things stood when it waited last. What happens to nobody but others in that instant (a handler becomes free for
    it) is not yet to be seen there."""

    def __init__(self, reference: str, instants: Sequence[Time], when: When) -> None:
        self._reference, self._when = reference, when
        self._instants = deque(instants)
        self._now = 0.0
        self.last: Waited | None = None

    def look(self, board: Board, at: Time) -> None:
        while self._instants and self._instants[0] <= at:
            instant = self._instants.popleft()
            contact = board.open_contact(self._reference)
            if contact is not None and contact.waiting:
                self.last = why_waited(board, contact, self._now, instant, self._when)
        self._now = at


# --- the rules of then -------------------------------------------------------------------------------


def digest_of(rules: Rules) -> str:
    """SHA-256 over everything that routing decides by: two configurations with the same digest decide alike."""
    parts = {
        "queues": [queue.model_dump(mode="json") for queue in rules.queues.values()],
        "calendars": [calendar.model_dump(mode="json") for calendar in rules.calendars.values()],
        "routing": rules.routing.model_dump(mode="json"),
        "follow_ups": rules.follow_ups.model_dump(mode="json"),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def started_with(rules: Rules) -> Recorded:
    """What each start of a gateway puts into the journal."""
    return Recorded(STARTED_WITH, "system", digest_of(rules))


def _compared(digests: Sequence[str], used: str) -> Compared:
    """Other rules at any moment between the contact's first row and the instant are other rules."""
    if not digests:
        return ""
    return "same" if set(digests) == {used} else "other"


# --- times in words ----------------------------------------------------------------------------------


def local_times(now: Time, zone: ZoneInfo) -> When:
    """The site's time to the second and its zone, with the date unless that is today."""
    today = datetime.fromtimestamp(now, zone).date()

    def when(at: Time) -> str:
        local = datetime.fromtimestamp(at, zone)
        return f"{local:%H:%M:%S %Z}" if local.date() == today else f"{local:%d %b %Y %H:%M:%S %Z}"

    return when
