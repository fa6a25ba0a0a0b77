"""Short looks go over to the database together; each has its own answer all the same."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import make_url

from gateway.store.access import Threads
from gateway.store.looks import Looks
from gateway.store.records import Message
from gateway.store.store import Store

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
