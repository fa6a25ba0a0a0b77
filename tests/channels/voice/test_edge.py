"""The SIP edge as the world sees it: a real Kamailio between raw SIP peers."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from channels.base import Refused, Unreachable
from channels.voice.edge import EdgeControl
from channels.voice.edge_files import Limits
from tests.channels.voice.edge_peers import DOMAIN, HOST, SDP, Message, Peer, Scene, scene, until

NUMBER = f"sip:+441234567890@{DOMAIN}"


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path) as running:
        yield running


async def answered_call(edge: Scene, slot: Peer) -> Message:
    """A call from the trunk, answered by the slot and acknowledged; the trunk's 200."""
    edge.trunk.request("INVITE", NUMBER, body=SDP)
    slot.reply(await slot.get("INVITE"), 200, body=SDP)
    answer = await edge.trunk.get("200")
    edge.trunk.in_dialog("ACK", answer)
    await slot.get("ACK")
    return answer


async def which_first(one: Peer, other: Peer) -> tuple[Peer, Peer]:
    """The two slots in the order in which the edge chooses them."""

    async def either() -> bool:
        return one.has("INVITE") or other.has("INVITE")

    await until(either)
    return (one, other) if one.has("INVITE") else (other, one)


# --- calls from the trunk ------------------------------------------------------------------------------


async def test_a_new_call_goes_to_the_open_slot_and_closes_it(edge: Scene) -> None:
    await edge.open_slots(1)
    assert await edge.control.slots_open() == {edge.slots[1].port}

    await answered_call(edge, edge.slots[1])

    assert await edge.control.slots_open() == set()
    assert not edge.slots[0].received
    assert not edge.slots[2].received


@pytest.mark.parametrize(
    "sender", ["sip:anonymous.invalid", "sip:anonymous@anonymous.invalid", "tel:+447700900123", "urn:nena:x"]
)
async def test_a_caller_who_shows_no_number_or_an_odd_one_gets_through(edge: Scene, sender: str) -> None:
    await edge.open_slots(0)
    edge.trunk.request("INVITE", NUMBER, body=SDP, sender=sender)
    assert (await edge.slots[0].get("INVITE")).header("From").startswith(f"<{sender}>")


@pytest.mark.parametrize("target", ["tel:101", "tel:+441234567890;phone-context=x", f"sip:101@{HOST}", f"sip:{DOMAIN}"])
async def test_any_way_of_writing_our_number_gets_through(edge: Scene, target: str) -> None:
    await edge.open_slots(0)
    edge.trunk.request("INVITE", target, body=SDP)
    assert (await edge.slots[0].get("INVITE")).first_line == f"INVITE {target} SIP/2.0"


async def test_a_slot_is_used_once_so_two_callers_get_two_slots(edge: Scene) -> None:
    await edge.open_slots(0, 1)

    calls = {edge.trunk.request("INVITE", NUMBER, body=SDP) for _ in range(2)}
    arrived = {(await slot.get("INVITE")).header("Call-ID") for slot in edge.slots[:2]}

    assert arrived == calls


async def test_a_slot_that_refuses_is_followed_by_the_next(edge: Scene) -> None:
    await edge.open_slots(0, 1)
    edge.trunk.request("INVITE", NUMBER, body=SDP)
    first, second = await which_first(edge.slots[0], edge.slots[1])

    refused_at = time.monotonic()
    first.reply(await first.get("INVITE"), 503)
    again = await second.get("INVITE")
    second.reply(again, 200, body=SDP)

    assert (await edge.trunk.get("200", "503")).what == "200"
    assert again.at - refused_at < 0.2


async def test_a_silent_slot_is_followed_by_the_next_within_one_retransmission(edge: Scene) -> None:
    await edge.open_slots(0, 1)
    sent_at = time.monotonic()
    edge.trunk.request("INVITE", NUMBER, body=SDP)
    silent, second = await which_first(edge.slots[0], edge.slots[1])

    invite = await second.get("INVITE")
    second.reply(invite, 200, body=SDP)

    assert (await edge.trunk.get("200")).what == "200"
    assert invite.at - sent_at < 0.7
    assert silent.has("INVITE")


async def test_a_slot_that_rings_but_never_answers_is_followed_by_the_next(tmp_path: Path) -> None:
    async with scene(tmp_path, limits=Limits(slot_answer_seconds=0.5, workers=2)) as edge:
        await edge.open_slots(0, 1)
        edge.trunk.request("INVITE", NUMBER, body=SDP)
        ringing, second = await which_first(edge.slots[0], edge.slots[1])
        ringing.reply(await ringing.get("INVITE"), 180)

        await ringing.get("CANCEL")
        second.reply(await second.get("INVITE"), 200, body=SDP)

        assert (await edge.trunk.get("200")).what == "200"


async def test_with_no_slot_open_the_caller_reaches_the_overflow_target(edge: Scene) -> None:
    edge.trunk.request("INVITE", NUMBER, body=SDP)

    invite = await edge.overflow.get("INVITE")
    edge.overflow.reply(invite, 200, body=SDP)

    assert invite.first_line.startswith(f"INVITE sip:overflow@{HOST}")
    assert (await edge.trunk.get("200")).what == "200"


async def test_when_the_last_slot_refuses_the_caller_reaches_the_overflow_target(edge: Scene) -> None:
    await edge.open_slots(2)
    edge.trunk.request("INVITE", NUMBER, body=SDP)
    edge.slots[2].reply(await edge.slots[2].get("INVITE"), 503)

    edge.overflow.reply(await edge.overflow.get("INVITE"), 200, body=SDP)

    assert (await edge.trunk.get("200")).what == "200"


async def test_when_the_overflow_target_fails_too_the_carrier_is_asked_to_try_again(edge: Scene) -> None:
    edge.trunk.request("INVITE", NUMBER, body=SDP)
    edge.overflow.reply(await edge.overflow.get("INVITE"), 486)

    refused = await edge.trunk.get("503", "486")

    assert refused.what == "503"
    assert refused.header("Retry-After") == "5"


async def test_one_call_tries_three_slots_at_most(tmp_path: Path) -> None:
    async with scene(tmp_path, slots=5) as edge:
        await edge.open_slots(0, 1, 2, 3, 4)
        edge.trunk.request("INVITE", NUMBER, body=SDP)

        await edge.overflow.get("INVITE")

        assert sum(slot.has("INVITE") for slot in edge.slots) == 3
        assert len(await edge.control.slots_open()) == 2


async def test_a_decision_of_the_call_process_reaches_the_caller(edge: Scene) -> None:
    await edge.open_slots(0)
    edge.trunk.request("INVITE", NUMBER, body=SDP)
    edge.slots[0].reply(await edge.slots[0].get("INVITE"), 603)

    assert (await edge.trunk.get("603")).what == "603"
    assert not edge.overflow.received


async def test_a_caller_who_hangs_up_early_cancels_the_slot_and_no_other_rings(edge: Scene) -> None:
    await edge.open_slots(0)
    call_id = edge.trunk.request("INVITE", NUMBER, body=SDP, cseq=7, branch="early")
    invite = await edge.slots[0].get("INVITE")
    edge.slots[0].reply(invite, 180)
    await edge.trunk.get("180")

    edge.trunk.request("CANCEL", NUMBER, call_id=call_id, cseq=7, branch="early")
    edge.slots[0].reply(await edge.slots[0].get("CANCEL"), 200)
    edge.slots[0].reply(invite, 487)

    assert (await edge.trunk.get("487")).what == "487"
    assert not edge.overflow.received


async def test_a_stranger_may_not_call(tmp_path: Path) -> None:
    async with scene(tmp_path, trunk_sources=("192.0.2.0/24", "198.51.100.7")) as edge:
        await edge.open_slots(0)
        stranger = await edge.peer()
        stranger.request("INVITE", NUMBER, body=SDP)

        assert (await stranger.get("403")).what == "403"
        assert not edge.slots[0].received
        assert not edge.overflow.received


# --- handlers' phones ----------------------------------------------------------------------------------


async def test_a_phone_registers_with_its_password_and_a_call_process_can_ring_it(edge: Scene) -> None:
    phone = await edge.peer()
    assert await phone.register("101", edge.password("101")) == "200"

    edge.slots[0].request("INVITE", f"sip:101@{DOMAIN}", body=SDP)
    invite = await phone.get("INVITE")
    phone.reply(invite, 200, body=SDP)

    assert (await edge.slots[0].get("200")).what == "200"
    assert invite.all("Record-Route")


async def test_a_wrong_password_or_another_extension_is_refused(edge: Scene) -> None:
    phone = await edge.peer()

    assert await phone.register("101", "wrong") == "401"
    assert await phone.register("102", edge.password("101"), user="101") == "403"

    edge.slots[0].request("INVITE", f"sip:102@{DOMAIN}", body=SDP)
    assert (await edge.slots[0].get("480")).what == "480"


async def test_guessing_passwords_is_stopped_without_stopping_other_extensions(edge: Scene) -> None:
    phone = await edge.peer()
    outcomes = [await phone.register("101", f"guess {n}", cseq=1 + 2 * n) for n in range(12)]

    assert outcomes == ["401"] * 10 + ["403"] * 2
    assert await phone.register("101", edge.password("101"), cseq=90) == "403"
    assert await phone.register("102", edge.password("102")) == "200"


async def test_a_ban_ends_after_a_while(tmp_path: Path) -> None:
    async with scene(tmp_path, limits=Limits(ban_seconds=2, workers=2)) as edge:
        phone = await edge.peer()
        for n in range(10):
            await phone.register("101", f"guess {n}", cseq=1 + 2 * n)
        assert await phone.register("101", edge.password("101"), cseq=50) == "403"

        async def accepted() -> bool:
            return await phone.register("101", edge.password("101"), cseq=60) == "200"

        await until(accepted, within=15)


async def test_the_trunk_may_show_a_number_that_is_also_an_extension(edge: Scene) -> None:
    await edge.open_slots(0)
    phone = await edge.peer()
    await phone.register("101", edge.password("101"))

    edge.trunk.request("INVITE", NUMBER, sender="sip:101@carrier.example", body=SDP)

    assert (await edge.slots[0].get("INVITE")).what == "INVITE"


async def on_disk(run_dir: Path) -> bool:
    return ":101:" in (run_dir / "locations" / "location").read_text()


async def test_registrations_survive_a_restart_and_a_crash_of_the_edge(edge: Scene, tmp_path: Path) -> None:
    phone = await edge.peer()
    await phone.register("101", edge.password("101"))

    await until(lambda: on_disk(tmp_path))
    for end in (edge.kamailio.kill, edge.kamailio.stop, edge.kamailio.kill):
        await end()
        await edge.kamailio.start()
        edge.slots[0].request("INVITE", f"sip:101@{DOMAIN}", body=SDP)
        phone.reply(await phone.get("INVITE"), 486)
        await edge.slots[0].get("486")


@pytest.mark.parametrize("left", [0, 40, -1, -8], ids=["empty", "half a head", "no line end", "half a row"])
async def test_the_edge_starts_with_a_table_of_phones_that_a_power_cut_left_half_written(
    edge: Scene, tmp_path: Path, left: int
) -> None:
    phone = await edge.peer()
    await phone.register("101", edge.password("101"))
    await until(lambda: on_disk(tmp_path))
    await edge.kamailio.kill()
    table = tmp_path / "locations" / "location"
    table.write_text(table.read_text()[:left])

    await edge.kamailio.start()

    assert await phone.register("101", edge.password("101"), cseq=5) == "200"


# --- calls from the call processes ---------------------------------------------------------------------


async def test_an_e164_number_in_our_domain_leaves_by_the_trunk(edge: Scene) -> None:
    edge.slots[0].request("INVITE", f"sip:+441616960000@{DOMAIN}", body=SDP)

    invite = await edge.trunk.get("INVITE")
    edge.trunk.reply(invite, 200, body=SDP)

    assert invite.first_line == f"INVITE sip:+441616960000@{HOST}:{edge.trunk.port} SIP/2.0"
    assert (await edge.slots[0].get("200")).what == "200"


async def test_a_control_room_elsewhere_is_called_as_given(edge: Scene) -> None:
    control_room = await edge.peer()
    uri = f"sip:emergency@{HOST}:{control_room.port}"
    edge.slots[0].request("INVITE", uri, body=SDP)

    assert (await control_room.get("INVITE")).first_line == f"INVITE {uri} SIP/2.0"


async def test_a_target_that_says_nothing_is_given_up_after_three_seconds(edge: Scene) -> None:
    nobody = await edge.peer()
    sent_at = time.monotonic()
    edge.slots[0].request("INVITE", f"sip:emergency@{HOST}:{nobody.port}", body=SDP)

    given_up = await edge.slots[0].get("408", within=5)

    assert 2.5 < given_up.at - sent_at < 4


async def test_an_unknown_extension_is_told_so(edge: Scene) -> None:
    edge.slots[0].request("INVITE", f"sip:190@{DOMAIN}", body=SDP)
    assert (await edge.slots[0].get("480")).what == "480"

    edge.slots[0].request("INVITE", f"sip:nonsense@{DOMAIN}", body=SDP)
    assert (await edge.slots[0].get("404")).what == "404"


# --- the rest of a call --------------------------------------------------------------------------------


async def test_a_call_ends_normally_through_an_edge_that_was_restarted_meanwhile(edge: Scene) -> None:
    await edge.open_slots(0)
    answer = await answered_call(edge, edge.slots[0])
    await edge.kamailio.kill()
    await edge.kamailio.start()

    edge.trunk.in_dialog("BYE", answer)
    edge.slots[0].reply(await edge.slots[0].get("BYE"), 200)

    assert (await edge.trunk.get("200")).header("CSeq").endswith("BYE")


async def test_a_forged_dialog_does_not_reach_the_trunk(edge: Scene) -> None:
    forger = await edge.peer()
    route = f"Route: <sip:{HOST}:{edge.settings.edge.port};lr>"
    uri = f"sip:+882000@{HOST}:{edge.trunk.port}"

    forger.request("INVITE", uri, to=f"<{uri}>;tag=forged", headers=(route,), body=SDP)

    assert (await forger.get("481")).what == "481"
    assert not edge.trunk.received


async def test_release_ends_both_sides_of_a_dead_call_process(edge: Scene) -> None:
    await edge.open_slots(0)
    answer = await answered_call(edge, edge.slots[0])
    call_id = answer.header("Call-ID")

    assert await edge.control.release(call_id, "t", "f")  # the slot's own tag first, as a called party has it

    assert (await edge.trunk.get("BYE")).header("Call-ID") == call_id
    assert (await edge.slots[0].get("BYE")).header("Call-ID") == call_id
    assert not await edge.control.release("no such call", "t", "f")


async def test_release_works_for_a_leg_that_the_call_process_had_dialled(edge: Scene) -> None:
    phone = await edge.peer()
    await phone.register("101", edge.password("101"))
    call_id = edge.slots[0].request("INVITE", f"sip:101@{DOMAIN}", body=SDP, from_tag="local")
    phone.reply(await phone.get("INVITE"), 200, body=SDP, tag="remote")
    edge.slots[0].in_dialog("ACK", await edge.slots[0].get("200"))
    await phone.get("ACK")

    assert await edge.control.release(call_id, "local", "remote")
    assert (await phone.get("BYE")).header("Call-ID") == call_id


async def test_release_stops_a_phone_from_ringing_for_a_dead_call_process(edge: Scene) -> None:
    phone = await edge.peer()
    call_id = edge.slots[0].request("INVITE", f"sip:handler@{HOST}:{phone.port}", body=SDP, from_tag="local")
    phone.reply(await phone.get("INVITE"), 180)
    await edge.slots[0].get("180")

    assert await edge.control.release(call_id, "local", "")
    assert (await phone.get("CANCEL")).header("Call-ID") == call_id


async def test_release_leaves_an_unanswered_caller_to_the_edge(edge: Scene) -> None:
    await edge.open_slots(0)
    call_id = edge.trunk.request("INVITE", NUMBER, body=SDP)
    edge.slots[0].reply(await edge.slots[0].get("INVITE"), 180)
    await edge.trunk.get("180")

    assert not await edge.control.release(call_id, "t", "f")
    assert not edge.slots[0].has("CANCEL")


# --- the control itself --------------------------------------------------------------------------------


async def test_a_slot_can_be_closed_again_and_an_unknown_one_is_refused(edge: Scene) -> None:
    await edge.open_slots(0, 1)
    await edge.control.set_slot(edge.slots[0].port, open=False)

    assert await edge.control.slots_open() == {edge.slots[1].port}
    with pytest.raises(Refused):
        await edge.control.set_slot(1, open=True)


async def test_many_questions_at_once_get_their_own_answers(edge: Scene) -> None:
    await edge.open_slots(0, 1, 2)
    listings = await asyncio.gather(*(edge.control.slots_open() for _ in range(50)))
    assert listings == [{slot.port for slot in edge.slots}] * 50


async def test_the_list_of_500_slots_fits_into_one_answer(tmp_path: Path) -> None:
    async with scene(tmp_path, slots=500) as edge:
        await edge.open_slots(0, 499)
        assert await edge.control.slots_open() == {edge.slots[0].port, edge.slots[499].port}


async def test_an_edge_that_is_away_is_unreachable_at_once(edge: Scene) -> None:
    await edge.kamailio.stop()
    asked_at = time.monotonic()

    assert not await edge.control.ping()
    with pytest.raises(Unreachable):
        await edge.control.set_slot(edge.slots[0].port, open=True)
    assert time.monotonic() - asked_at < 0.5


async def test_an_edge_that_hangs_is_unreachable_after_the_deadline(edge: Scene, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as silent:
        silent.bind(str(tmp_path / "silent.sock"))
        hung = edge.settings.edge.model_copy(update={"rpc_socket": tmp_path / "silent.sock"})
        assert not await EdgeControl(hung, HOST, deadline=0.2).ping()


@pytest.mark.parametrize("question_lost", [False, True], ids=["killed", "killed with a question in its hands"])
async def test_a_restart_is_noticed_at_once_and_the_slots_can_be_opened_again(edge: Scene, question_lost: bool) -> None:
    appearances: asyncio.Queue[float] = asyncio.Queue()

    async def open_again() -> None:
        await edge.open_slots(0)
        appearances.put_nowait(time.monotonic())

    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(edge.control.watch(open_again))
        async with asyncio.timeout(8):
            await appearances.get()  # the edge was there already: the first appearance
            if question_lost:
                await _hang_until_asked(edge)
            await edge.kamailio.kill()
            await edge.kamailio.start()
            back_at = time.monotonic()
            assert await appearances.get() - back_at < 1.2  # a second by itself, and 0.2 for a busy machine
        assert await edge.control.slots_open() == {edge.slots[0].port}
        assert appearances.empty()
        watching.cancel()


async def test_after_an_edge_has_hung_the_slots_are_opened_again_at_once(edge: Scene) -> None:
    appearances: asyncio.Queue[None] = asyncio.Queue()

    async def open_again() -> None:
        await edge.open_slots(0)
        appearances.put_nowait(None)

    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(edge.control.watch(open_again))
        async with asyncio.timeout(8):
            await appearances.get()
            # given an edge that hangs, so that a slot cannot be marked
            assert edge.kamailio.pid is not None
            os.killpg(edge.kamailio.pid, signal.SIGSTOP)
            while not edge.control.down:
                await asyncio.sleep(0.05)
            # when it goes on
            os.killpg(edge.kamailio.pid, signal.SIGCONT)
            # then
            await appearances.get()
        assert not edge.control.down
        watching.cancel()


async def _hang_until_asked(edge: Scene) -> None:
    assert edge.kamailio.pid is not None
    os.killpg(edge.kamailio.pid, signal.SIGSTOP)
    asked = EdgeControl(edge.settings.edge, HOST, deadline=0.6)
    assert not await asked.ping()  # longer than the pause between two looks of the watch
