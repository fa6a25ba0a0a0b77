"""A caller reaches a real call process: rings, is answered or refused, and hangs up."""

from __future__ import annotations

from pathlib import Path

import pytest

from channels.voice.call import CallGone, CommandRefused
from channels.voice.messages import Answer, Drop, End, Play, Played
from tests.channels.voice.calls import answered, next_leg, next_of
from tests.channels.voice.conftest import Site
from tests.channels.voice.raw_sip import HOST, Phone, until


async def test_a_caller_hears_ringing_and_the_gateway_learns_who_calls(site: Site, phone: Phone) -> None:
    caller = await phone.call(site.port(), extra="P-Asserted-Identity: <sip:+441632960001@t>\r\nX-Odd: \xff\r\n")

    call = await site.calls.get()

    await until(lambda: caller.codes == [100, 180])
    assert call.arrived is not None
    assert call.arrived.from_uri == f"sip:+441632960001@{HOST}"
    assert call.arrived.from_name == "Ann Example"
    assert call.arrived.sip_call_id == caller.call_id
    assert ("p-asserted-identity", "<sip:+441632960001@t>") in call.arrived.headers


async def test_who_calls_past_the_edge_is_refused_and_takes_nobody_s_place(site: Site, phone: Phone) -> None:
    async with Phone() as stranger:
        refused = await stranger.call(site.port())
        await until(lambda: refused.codes[-1:] == [403])
    assert site.calls.empty()

    caller = await phone.call(site.port())

    await site.calls.get()
    await until(lambda: caller.codes == [100, 180])


async def test_answering_connects_and_names_the_dialog(site: Site, phone: Phone) -> None:
    caller = await phone.call(site.port())
    call = await site.calls.get()

    await call.do(Answer())
    event = await next_leg(call, "caller", "answered")

    assert caller.codes == [100, 180, 200]
    assert event.call_id == caller.call_id
    assert f"tag={event.local_tag}" in caller.remote
    assert f"tag={event.remote_tag}" in caller.local


async def test_ending_before_the_answer_refuses_the_caller_with_the_code(site: Site, phone: Phone) -> None:
    caller = await phone.call(site.port())
    call = await site.calls.get()

    await call.do(End(486))

    await until(lambda: caller.codes[-1:] == [486])


async def test_a_call_that_no_gateway_begins_is_refused_so_that_the_edge_tries_the_next_slot(
    site: Site, phone: Phone
) -> None:
    await site.stop()  # the gateway has gone; idle processes go with it
    site.board.open.clear()
    await site.start()
    await site.ready()
    keeper = site.pool._keepers[0]
    keeper._on_call = lambda call, resumed: None  # a gateway that does not say Begin

    caller = await phone.call(site.port())

    await until(lambda: caller.codes[-1:] == [503], 3)


async def test_a_caller_who_gives_up_while_ringing_is_reported_as_never_answered(site: Site, phone: Phone) -> None:
    caller = await phone.call(site.port())
    call = await site.calls.get()

    caller.cancel()

    assert (await next_leg(call, "caller", "failed")).code == 487


async def test_when_the_caller_hangs_up_the_gateway_is_told_and_ends_the_call(site: Site, phone: Phone) -> None:
    call, caller = await answered(site, phone)

    caller.bye()

    await next_leg(call, "caller", "ended")
    await call.do(End())
    with pytest.raises(CallGone):
        await next_of(call, Played)
    assert call.gone


async def test_a_second_invite_to_a_taken_slot_is_refused_and_the_first_caller_unharmed(
    site: Site, phone: Phone, music: Path
) -> None:
    call, caller = await answered(site, phone)
    await call.do(Play("music", (str(music),), loop=True))

    second = await phone.call(site.port())

    await until(lambda: second.codes[-1:] == [503])
    await until(lambda: caller.hears(1000))


async def test_commands_before_begin_and_for_missing_legs_are_refused_with_a_reason(site: Site, phone: Phone) -> None:
    call, _ = await answered(site, phone)

    with pytest.raises(CommandRefused, match="there is no handler"):
        await call.do(Drop("handler"))
    with pytest.raises(CommandRefused, match="only by the end"):
        await call.do(Drop("caller"))
    with pytest.raises(CommandRefused):
        await call.do(Play("gone", ("/nowhere/at-all.wav",)))
