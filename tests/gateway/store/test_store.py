"""What the store says is written comes back as it was, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from config.settings import Store as StoreSettings
from gateway.store.database import migrate, open_engine, require_database
from gateway.store.errors import NoDatabase
from gateway.store.records import (
    Account,
    Attachment,
    CallRecord,
    MailCursor,
    Message,
    MessageStatus,
    OutboxItem,
    Recording,
    Session,
    Token,
)
from gateway.store.store import Batch, NotStorable, Store, StoreError
from routing import events as ev
from routing.model import PresenceState
from tests.support.world import START, World, rules

MESSAGE = Message(
    id="m1",
    reference="T1",
    channel="email",
    direction="in",
    sender="zoë@example.org",
    recipient="us@example.org",
    body="Grüße, 👮",
    at=1_700_000_000.123456,
    by="caller",
    subject="Hello",
    html="<p>Grüße</p>",
    automatic=True,
    provider_key="mail:1",
    provider_id="SM1",
    header_id="<a@example.org>",
    references="<b@example.org> <c@example.org>",
    raw_path="mail/1",
    sha256="0" * 64,
    problems="cut off",
)
ITEM = OutboxItem("m1", "T1", "text", "claimed", 3, 1_700_000_001.5, 1_700_000_000.25)


def busy_world() -> World:
    """A board with something of everything."""
    world = World()
    for name in ("anna", "ben"):
        world.handler(name, "crime")
    world.handler("cara", state=PresenceState.AWAY)
    world.call("C1", queue="crime")
    world.accept("C1")
    world.emergency("C1")
    world.call("C2")
    world.call("C3")
    world.text("T1")
    world.accept("C2")
    world.follow_up("C2", not_before=world.now + 3_600, owner="ben")
    world.did(ev.CallEnded("C2", "handler:ben"))
    world.did(ev.GradeGiven("C1", "handler:anna", "emergency", "a knife"))
    return world


async def test_the_board_comes_back_as_it_was(store: Store) -> None:
    world = busy_world()
    await store.commit(Batch(touched=world.board.take_touched()))
    again = await store.board(rules(), now=START)
    assert again.contacts == world.board.contacts
    assert again.handlers == world.board.handlers
    assert again.follow_ups == world.board.follow_ups
    assert sorted(again.waiting()) == sorted(world.board.waiting())
    assert not again.touched.contacts


async def test_what_is_closed_done_or_removed_is_not_on_the_board_but_kept(store: Store) -> None:
    world = busy_world()
    await store.commit(Batch(touched=world.board.take_touched()))
    world.did(ev.FollowUpCancelled("C2", "f1", "handler:ben", "resolved"))
    world.complete("C2", "ben")
    world.did(ev.HandlerRemoved("cara", "program:test"))
    await store.commit(Batch(touched=world.board.take_touched()))
    board = await store.board(rules(), now=START)
    assert "C2" not in board.contacts and not board.follow_ups and "cara" not in board.handlers
    closed = await store.contact("C2")
    assert closed is not None and closed.disposition == "resolved"
    assert [f.state for f in await store.follow_ups("C2")] == ["cancelled"]
    assert sorted(h.id for h in await store.handlers()) == ["anna", "ben"]


async def test_when_callers_were_answered_is_known_after_a_restart(store: Store) -> None:
    world = World()
    world.handler("anna")
    world.call("C1")
    world.accept("C1")
    world.after(100)
    world.did(ev.CallEnded("C1", "handler:anna"))
    world.complete("C1", "anna")
    world.call("C2")
    world.accept("C2")
    world.call("C3")
    await store.commit(Batch(touched=world.board.take_touched()))
    assert await store.answers(world.now - 60) == [(world.now, "general")]
    assert await store.answers(world.now - 200) == [(world.now - 100, "general"), (world.now, "general")]


async def test_the_newest_contacts_come_first_and_in_pages(store: Store) -> None:
    world = World()
    for n in range(7):
        world.call(f"C{n}", number=f"+44163296000{n % 2}")
        world.now += 1
    world.did(ev.CallerLeft("C6"))
    await store.commit(Batch(touched=world.board.take_touched()))
    first = await store.contacts(limit=3)
    second = await store.contacts(limit=3, before=first[-1].received_at)
    assert [c.reference for c in first + second] == ["C6", "C5", "C4", "C3", "C2", "C1"]
    assert [c.reference for c in await store.contacts(party="+441632960001")] == ["C5", "C3", "C1"]
    assert [c.reference for c in await store.contacts(stage="closed")] == ["C6"]
    assert await store.contacts(owner="nobody") == []
    assert await store.contact("C99") is None


async def test_every_kind_of_record_comes_back_as_it_was(store: Store) -> None:
    attachment = Attachment("a1", "m1", "knife.jpg", "image/jpeg", 3_000_000_000, "1" * 64, "media/a1")
    recording = Recording("recordings/1.wav", "C1", 1_700_000_000.5, 12.25, "2" * 64)
    cursor = MailCursor("contact", 4_294_967_295, 4_294_967_294)
    account, session = Account("anna", "handler", "$argon2"), Session("d" * 64, "anna", "c" * 64, 1_700_000_000.5)
    token = Token("e" * 64, "desk", "supervisor", 1_700_000_000.5)
    call = CallRecord("a84b4c76e66710@pc33", "C1", 1_700_000_000.5)
    await store.save(MESSAGE, attachment, ITEM, call, recording, cursor, account, session, token)
    assert await store.message("m1") == MESSAGE
    assert await store.messages("T1") == [MESSAGE]
    assert await store.attachments("m1") == [attachment]
    assert await store.outbox_open() == [ITEM]
    assert await store.look(lambda looks: looks.known_calls([call.call_id, "other"])) == {call.call_id: "C1"}
    assert await store.recordings("C1") == [recording]
    assert await store.cursor("contact") == cursor
    assert await store.account("anna") == account
    assert await store.session(session.digest) == session
    assert await store.token(token.digest) == token
    assert await store.tokens() == [token]


async def test_a_message_is_found_by_each_of_its_names(store: Store) -> None:
    await store.save(MESSAGE)
    for name in ("provider_key", "provider_id", "header_id"):
        assert await store.message_by(**{name: str(getattr(MESSAGE, name))}) == MESSAGE
    assert await store.message_by(provider_key="mail:2") is None
    assert await store.look(lambda looks: looks.known_keys(["mail:1", "mail:2"])) == {"mail:1": "T1"}


async def test_outbound_messages_have_no_provider_key_and_may_be_many(store: Store) -> None:
    out = replace(MESSAGE, direction="out", provider_key=None, provider_id="")
    await store.save(replace(out, id="o1"), replace(out, id="o2"))
    assert len(await store.messages("T1")) == 2


async def test_a_conversation_is_read_in_its_order(store: Store) -> None:
    for n in (3, 1, 2):
        await store.save(replace(MESSAGE, id=f"m{n}", provider_key=f"mail:{n}", at=float(n)))
    assert [m.id for m in await store.messages("T1")] == ["m1", "m2", "m3"]


async def test_within_the_second_that_a_carrier_tells_a_conversation_is_as_it_came(store: Store) -> None:
    ours = replace(MESSAGE, id="ours", direction="out", provider_key=None, at=100.2)
    overtaken = replace(MESSAGE, id="overtaken", provider_key="3", at=103.0, sent_at=99.0)
    answer = replace(MESSAGE, id="answer", provider_key="1", at=101.5, sent_at=100.0)
    ahead = replace(MESSAGE, id="ahead", provider_key="2", at=102.0, sent_at=110.0)
    await store.save(answer, overtaken, ahead, ours)
    assert [m.id for m in await store.messages("T1")] == ["overtaken", "ours", "answer", "ahead"]


async def test_a_status_changes_nothing_else(store: Store) -> None:
    await store.save(MESSAGE)
    await store.save(MessageStatus("m1", "sent", "SM2"))
    assert await store.message("m1") == replace(MESSAGE, status="sent", provider_id="SM2")


async def test_a_late_report_does_not_overrule_what_became_of_the_message(store: Store) -> None:
    await store.save(MESSAGE)
    await store.save(MessageStatus("m1", "delivered"))
    await store.save(MessageStatus("m1", "sent", "SM2"))
    assert await store.message("m1") == replace(MESSAGE, status="delivered", provider_id="SM2")


async def test_several_statuses_are_written_at_once(store: Store) -> None:
    await store.save(MESSAGE, replace(MESSAGE, id="m2", provider_key="mail:2"))
    await store.save(MessageStatus("m1", "sent", "SM1"), MessageStatus("m2", "delivered", "SM2"))
    assert [(m.status, m.provider_id) for m in await store.messages("T1")] == [("sent", "SM1"), ("delivered", "SM2")]


async def test_the_trouble_of_a_message_that_went_out_in_the_end_is_over_and_of_one_that_did_not_it_stays(
    store: Store,
) -> None:
    await store.save(MESSAGE)
    await store.save(MessageStatus("m1", "waiting", problems="the carrier is busy"))
    assert await store.message("m1") == replace(MESSAGE, status="waiting", problems="the carrier is busy")

    await store.save(MessageStatus("m1", "sent", "SM2"))
    assert await store.message("m1") == replace(MESSAGE, status="sent", provider_id="SM2", problems="")

    await store.save(MessageStatus("m1", "undelivered", problems="switched off"))
    await store.save(MessageStatus("m1", "sent"))
    kept = replace(MESSAGE, status="undelivered", provider_id="SM2", problems="switched off")
    assert await store.message("m1") == kept


async def test_what_is_written_again_replaces_what_was(store: Store) -> None:
    await store.save(MESSAGE, ITEM)
    await store.save(replace(ITEM, state="sent"))
    assert await store.outbox_open() == []
    await store.save(MailCursor("contact", 1, 5))
    await store.save(MailCursor("contact", 2, 1))
    assert await store.cursor("contact") == MailCursor("contact", 2, 1)


async def test_sign_ins_and_tokens_can_be_forgotten(store: Store) -> None:
    await store.save(Account("anna", "handler", "x"))
    for n in range(3):
        await store.save(Session(f"s{n}", "anna", "c", float(n)))
    await store.forget_session("s0")
    assert await store.session("s0") is None
    await store.forget_old_sessions(2.0)
    assert await store.session("s1") is None and await store.session("s2") is not None
    await store.forget_account("anna")
    assert await store.session("s2") is None and await store.account("anna") is None
    await store.save(Token("d", "desk", "handler", 1.0))
    await store.forget_token("desk")
    assert await store.token("d") is None


async def test_a_batch_is_written_whole_or_not_at_all(store: Store) -> None:
    await store.save(MESSAGE)
    world = busy_world()
    orphan = Attachment("a1", "no such message", "f", "t", 1, "", "")
    with pytest.raises(StoreError):
        await store.commit(Batch(touched=world.board.take_touched(), records=[orphan]))
    assert not (await store.board(rules(), now=START)).contacts


async def test_values_that_the_database_refuses_are_told_from_a_database_that_is_down(store: Store) -> None:
    await store.save(MESSAGE)
    with pytest.raises(NotStorable) as refused:
        await store.save(replace(MESSAGE, id="m2"))
    assert "Grüße" not in str(refused.value) and "zoë" not in str(refused.value)
    down = Store(open_engine(StoreSettings(url="postgresql+asyncpg://nobody@127.0.0.1:9/none", pool_size=1)))
    with pytest.raises(StoreError) as unreachable:
        await down.ping()
    assert not isinstance(unreachable.value, NotStorable)
    await down.close()


async def test_where_no_gateway_has_kept_anything_there_is_no_database(engine: AsyncEngine) -> None:
    with pytest.raises(NoDatabase, match=r"there is no database at .*(gateway\.db|postgresql)"):
        await require_database(engine)
    await migrate(engine)
    await require_database(engine)


@pytest.mark.parametrize("length", [10_000, 100_000])
async def test_what_people_send_is_never_too_long(store: Store, length: int) -> None:
    long = "x" * length
    message = replace(MESSAGE, sender=long, recipient=long, subject=long, header_id=long, provider_id=long)
    await store.save(message)
    assert await store.message_by(header_id=long) == message
    world = World()
    world.text("T1", sender=long)
    await store.commit(Batch(touched=world.board.take_touched()))
    assert [c.reference for c in await store.contacts(party=long)] == ["T1"]


async def test_what_is_no_text_is_stored_without_it(store: Store) -> None:
    await store.save(replace(MESSAGE, subject="a\x00b", body=b"caf\xe9".decode("ascii", "surrogateescape")))
    message = await store.message("m1")
    assert message is not None and (message.subject, message.body) == ("a�b", "caf?")
    world = World()
    world.text("T1", sender="\x00", subject="\udce9 \x00")
    await store.commit(Batch(touched=world.board.take_touched()))
    assert (await store.board(rules(), now=START)).contacts["T1"].subject == "? \x00"


async def test_every_commit_is_on_disk_when_it_is_said_to_be(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            assert (await connection.execute(text("PRAGMA journal_mode"))).scalar() == "wal"
            assert (await connection.execute(text("PRAGMA synchronous"))).scalar() == 2, "2 is FULL"
            assert (await connection.execute(text("PRAGMA foreign_keys"))).scalar() == 1
        else:
            assert (await connection.execute(text("SELECT 1"))).scalar() == 1


async def test_reading_goes_on_while_something_is_written(store: Store, engine: AsyncEngine) -> None:
    await store.save(MESSAGE)
    async with engine.begin() as writing:
        await writing.execute(text("UPDATE messages SET subject = 'half written'"))
        message = await store.message("m1")
    assert message is not None and message.subject == "Hello"
