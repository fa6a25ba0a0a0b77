"""How far back a carrier is asked for texts that no webhook has brought: enough, and no more than that."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pytest

from channels.base import Unreachable
from channels.text.port import Carrier, IncomingText
from config.settings import Store as StoreSettings
from gateway.store.database import migrate, open_engine
from gateway.store.journal import Head, write_row
from gateway.store.store import Batch, Store
from gateway.texts.missed import MissedTexts
from routing.events import Recorded

NOW = 1_700_000_000.0


class Asked:
    """A carrier that has ``texts`` and keeps how far back it was asked, in seconds; ``down`` breaks it. ``given``: what
    was taken of it. ``told``: of whom it was said that their webhook is missing."""

    id = "twilio"

    def __init__(self) -> None:
        self.now, self.back, self.down = NOW, list[float](), False
        self.texts, self.given = list[IncomingText](), list[IncomingText]()
        self.told = list[str]()

    def clock(self) -> float:
        return self.now

    async def arrived_since(self, since: datetime) -> AsyncIterator[Sequence[IncomingText]]:
        if self.down:
            raise Unreachable("gone")
        self.back.append(self.now - since.timestamp())
        yield self.texts

    async def with_media(self, text: IncomingText) -> IncomingText:
        return text

    async def take(self, text: IncomingText) -> None:
        self.given.append(text)

    async def tell(self, carrier: str) -> None:
        self.told.append(carrier)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Of a gateway that first ran two hours ago."""
    store = Store(open_engine(StoreSettings(url=f"sqlite+aiosqlite:///{tmp_path}/gateway.db", pool_size=1)))
    await migrate(store.engine)
    await store.commit(Batch(rows=[write_row(Head(), Recorded("began", "system"), NOW - 7200, "", "")]))
    yield store
    await store.close()


async def test_it_is_asked_far_back_at_first_and_from_time_to_time_and_else_only_a_little(store: Store) -> None:
    carrier, missed = _missed(store)

    for _ in range(32):
        await missed.look(cast(Carrier, carrier))
        carrier.now += 10

    assert carrier.back[0] == 7200, "since this gateway first ran"
    assert carrier.back[1:30] == [70.0] * 29
    assert carrier.back[30] == 610.0, "for what the carrier lists late"
    assert carrier.back[31] == 70.0


async def test_a_look_that_failed_is_made_up_for(store: Store) -> None:
    carrier, missed = _missed(store)
    await missed.look(cast(Carrier, carrier))

    carrier.now, carrier.down = NOW + 100, True
    with pytest.raises(Unreachable):
        await missed.look(cast(Carrier, carrier))
    carrier.now, carrier.down = NOW + 200, False
    await missed.look(cast(Carrier, carrier))

    assert carrier.back[-1] == 260.0


@pytest.mark.parametrize(("ago", "taken"), [(5, False), (60, True), (-3600, True)])
async def test_a_text_that_may_still_be_brought_is_left_but_not_one_of_a_time_to_come(
    store: Store, ago: float, taken: bool
) -> None:
    """A carrier's clock, or ours, may be wrong."""
    carrier, missed = _missed(store)
    carrier.texts = [IncomingText("SM1", "+447700900123", "61016", "hello", sent_at=NOW - ago)]

    await missed.look(cast(Carrier, carrier))

    assert (carrier.given == carrier.texts) is taken


async def test_one_that_no_webhook_brought_although_we_were_here_is_told(store: Store) -> None:
    """The webhook's address may be wrong, or what it is signed for: texts would be late from then on."""
    carrier, missed = _missed(store)
    carrier.texts = [IncomingText("SM1", "+447700900123", "61016", "while we were gone", sent_at=NOW - 60)]
    await missed.look(cast(Carrier, carrier))
    assert carrier.told == []

    carrier.now = NOW + 60
    carrier.texts = [IncomingText("SM2", "+447700900123", "61016", "while we were here", sent_at=NOW + 30)]
    await missed.look(cast(Carrier, carrier))
    assert carrier.told == ["twilio"]


def _missed(store: Store) -> tuple[Asked, MissedTexts]:
    carrier, settings, nobody = Asked(), cast(Any, _Hours()), cast(Any, ())
    return carrier, MissedTexts(settings, store, nobody, carrier.clock, carrier.take, carrier.tell)


class _Hours:
    fetch_missed_hours = 24
