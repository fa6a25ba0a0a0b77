"""An alarm that names a contact is over once what it asked for has been done: who looks at 4 a.m. sees what is left."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from routing import events as ev
from routing.model import Channel, Party
from tests.gateway.api.site import Desk, Site


@pytest.fixture
async def supervisor(site: Site) -> Desk:
    """Of anna too, who takes calls and is there; the clock is moved by hand."""
    now = site.now()
    site.now = lambda: now
    supervisor = await site.signed_in("sam", "supervisor")
    await site.signed_in("anna", extension="2001", available=True)
    return supervisor


async def later(site: Site, seconds: float = 1) -> datetime:
    """The new time."""
    now = site.now() + seconds
    site.now = lambda: now
    return datetime.fromtimestamp(now, UTC)


async def over(supervisor: Desk) -> dict[str, datetime | None]:
    """By what is alarmed of, since when it is over."""
    _, found = await supervisor.get("/alarms")
    return {
        a["what"]: datetime.fromisoformat(a["withdrawn_at"]) if a["withdrawn_at"] else None for a in reversed(found)
    }


async def emergency(site: Site, reference: str = "C1") -> None:
    await site.call(reference)
    await site.dispatcher.submit(ev.EmergencyRaised(reference, "caller", "pressed 55"))


async def test_an_emergency_is_over_when_a_handler_takes_it_and_not_before(site: Site, supervisor: Desk) -> None:
    await emergency(site)
    assert await over(supervisor) == {"emergency": None}

    at = await later(site)
    await site.answer("C1")

    assert await over(supervisor) == {"emergency": at}


async def test_that_no_control_room_answers_is_over_with_the_control_room_and_not_with_a_handler(
    site: Site, supervisor: Desk
) -> None:
    await emergency(site)
    await site.dispatcher.submit(ev.ControlRoomExhausted("C1", 1))
    await site.answer("C1")
    assert (await over(supervisor))["control_room_unreachable"] is None

    at = await later(site)
    await site.dispatcher.submit(ev.ControlRoomJoined("C1", "Control room"))

    assert (await over(supervisor))["control_room_unreachable"] == at


async def test_a_control_room_that_hangs_up_at_once_ends_nothing_and_the_next_one_does(
    site: Site, supervisor: Desk
) -> None:
    await emergency(site)
    await site.dispatcher.submit(ev.ControlRoomJoined("C1", "Desk 1"))
    await site.dispatcher.submit(ev.ControlRoomLeft("C1", "Desk 1"))
    assert await over(supervisor) == {"emergency": None, "control_room_hung_up": None}

    at = await later(site)
    await site.dispatcher.submit(ev.ControlRoomJoined("C1", "Desk 2"))

    assert await over(supervisor) == {"emergency": at, "control_room_hung_up": at}


async def test_what_another_contact_goes_through_ends_nothing(site: Site, supervisor: Desk) -> None:
    await site.call("C2")
    await site.answer("C2")
    await emergency(site)
    await site.dispatcher.submit(ev.CallEnded("C2", "handler:anna"))
    await site.dispatcher.submit(ev.WrapUpCompleted("C2", "anna", "resolved"))

    assert await over(supervisor) == {"emergency": None}


async def test_who_was_cut_off_is_asked_for_until_they_are_on_the_line_again(site: Site, supervisor: Desk) -> None:
    await site.call("C1")
    await site.answer("C1")
    await site.dispatcher.submit(ev.CallLost("C1", "the call process died"))
    assert (await over(supervisor))["call_lost"] is None

    at = await later(site)
    await site.dispatcher.submit(ev.CallArrived("C9", "sip-C9", "general", Party("+441632960001"), "101"))

    assert (await over(supervisor))["call_lost"] == at


async def test_the_silence_of_somebody_who_wrote_of_an_emergency_is_over_when_they_write(
    site: Site, supervisor: Desk
) -> None:
    await site.person("tom", text_capacity=2)
    await site.text("T1")
    await site.dispatcher.submit(ev.EmergencyRaised("T1", "handler:sam", "a handler judged it so"))
    await later(site, 3600)
    await site.dispatcher.submit(ev.TimePassed())
    assert (await over(supervisor))["person_silent"] is None

    at = await later(site)
    await site.dispatcher.submit(
        ev.MessageArrived("T9", "m9", Channel.TEXT, "texts", Party("+441632960001"), "61016", "text:T1")
    )

    assert (await over(supervisor))["person_silent"] == at


async def test_every_alarm_of_a_contact_is_over_once_it_is_closed(site: Site, supervisor: Desk) -> None:
    await site.call("C1")
    await site.answer("C1")
    await site.dispatcher.submit(ev.EmergencyRaised("C1", "handler:anna", "a handler judged it so"))
    await site.dispatcher.submit(ev.ControlRoomExhausted("C1", 1))
    await site.dispatcher.submit(ev.CallEnded("C1", "handler:anna"))
    assert set((await over(supervisor)).values()) == {None}, "nobody has it, but it is not dealt with either"

    at = await later(site)
    await site.dispatcher.submit(ev.WrapUpCompleted("C1", "anna", "resolved"))

    assert await over(supervisor) == {"emergency": at, "control_room_unreachable": at}
