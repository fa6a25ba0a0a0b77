"""Short looks go over to the database together; each has its own answer all the same."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import make_url

from gateway.store.access import Threads
from gateway.store.looks import Looks
from gateway.store.records import Block, Message
from gateway.store.store import Batch, Store
from routing.board import Touched
from routing.model import Channel, Contact, Party

MESSAGE = Message("m1", "T1", "email", "in", "jo@example.org", "us@example.org", "hello", 1.0, "caller")


class OurFault(Exception):
    pass


def _broken(_looks: Looks) -> Message | None:
    raise OurFault


async def test_looks_that_are_asked_at_once_are_each_answered_and_a_broken_one_spoils_no_other(store: Store) -> None:
    await store.save(*(replace(MESSAGE, id=f"m{n}") for n in range(50)))

    asked = [store.message(f"m{n}") for n in range(50)]
    asked.insert(20, store.look(_broken))
    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert isinstance(answers.pop(20), OurFault)
    assert [answer.id for answer in answers if isinstance(answer, Message)] == [f"m{n}" for n in range(50)]


async def test_who_asked_and_has_gone_holds_up_nobody(store: Store) -> None:
    await store.save(MESSAGE)
    gone = asyncio.create_task(store.message("m1"))
    await asyncio.sleep(0)
    gone.cancel()

    found = await store.message("m1")

    assert found == MESSAGE


async def test_a_look_sees_what_was_written_before_it(store: Store) -> None:
    for n in range(20):
        await store.save(replace(MESSAGE, id=f"m{n}"))
        assert await store.message(f"m{n}") is not None


async def test_what_is_asked_after_closing_is_refused_and_does_not_wait_for_ever(tmp_path: Path) -> None:
    threads = Threads(make_url(f"sqlite:///{tmp_path}/gateway.db"))
    await threads.close()

    with pytest.raises(RuntimeError):
        await asyncio.wait_for(threads.look(lambda _: 1), 5)


async def test_many_people_are_looked_up_at_once_each_by_all_their_addresses(store: Store) -> None:
    await _contacts(store, ("C1", "+447700900001", 1.0), ("C2", "whatsapp:+447700900001", 2.0), ("C3", "jo@x.org", 1.0))

    people = [("+447700900001", "whatsapp:+447700900001"), ("+447700900002",), ("jo@x.org",), ()]
    latest = await store.look(lambda looks: looks.latest_of(*people))

    assert latest == ["C2", "", "C3", ""]


async def test_many_addresses_are_looked_up_among_the_blocks_at_once(store: Store) -> None:
    number = Block("+447700900001", "abuse", "sam", 1.0, None)
    domain, over = Block("@spam.example", "spam", "sam", 1.0, None), Block("+447700900002", "abuse", "sam", 1.0, 5.0)
    await store.save(number, domain, over)

    addresses = ("+447700900001", "+447700900002", "Jo@Spam.example", "+447700900003")
    blocks = await store.look(lambda looks: looks.blocks_of(*addresses, now=10.0))

    assert blocks == [number, None, domain, None]


async def _contacts(store: Store, *known: tuple[str, str, float]) -> None:
    touched = Touched()
    for reference, party, at in known:
        touched.contacts[reference] = Contact(reference, Channel.TEXT, "texts", Party(party), "61016", at, at)
    await store.commit(Batch(touched=touched))
