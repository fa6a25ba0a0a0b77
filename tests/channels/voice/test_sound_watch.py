"""No sound packets from a leg: always shown, and the leg is ended only where the site's policy says so."""

from __future__ import annotations

from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from channels.voice.messages import Drop, Leg, LegName, Snapshot
from channels.voice.sound_watch import WHY, SoundWatch
from routing import events as ev

ALL = ("caller", "handler", "third", "supervisor", "control_room")


class Call:
    """A call whose story only writes down what it is told."""

    def __init__(self, *ends: str) -> None:
        self.told: list[ev.Event] = []
        self.scene: Any = Mock(reference="C1", handler="anna", over=False, tell=self.told.append)
        self.scene.settings.voice.media_lost_ends = ends
        self.scene.do, self.scene.part = AsyncMock(), AsyncMock()
        self.third, self.supervision = AsyncMock(), AsyncMock()
        self.watch = SoundWatch(self.scene, self.third, self.supervision)


@pytest.mark.parametrize("leg", ALL)
async def test_a_leg_without_sound_is_shown_and_goes_on(leg: LegName) -> None:
    call = Call()

    await call.watch.lost(leg)
    call.watch.back(leg)

    assert call.told == [ev.SoundChanged("C1", leg, "lost"), ev.SoundChanged("C1", leg, "back")]
    assert not call.scene.over
    for ended in (call.scene.do, call.scene.part, call.third.drop, call.supervision.stop):
        ended.assert_not_called()


async def test_by_policy_a_handler_whose_phone_is_dead_gives_the_caller_back() -> None:
    call = Call("handler")

    await call.watch.lost("handler")

    assert call.told[1:] == [ev.HandlerLost("C1", "anna", WHY)]
    assert call.scene.handler == ""
    call.scene.part.assert_awaited_with("handler")


async def test_by_policy_others_are_let_go_and_a_caller_keeps_their_place() -> None:
    call = Call(*ALL)

    await call.watch.lost("third")
    call.third.drop.assert_awaited_with(WHY)
    await call.watch.lost("supervisor")
    call.supervision.stop.assert_awaited_with(WHY)
    await call.watch.lost("control_room")
    call.scene.do.assert_awaited_with(Drop("control_room"))
    await call.watch.lost("caller")
    assert call.told[-1] == ev.CallerLeft("C1", cut_off=True)
    assert call.scene.over


async def test_what_is_shown_of_a_leg_goes_with_it_also_after_another_gateway() -> None:
    call = Call()
    call.watch.recall(Snapshot(0, 1, 5060, legs=(Leg("third", "answered", silent=True), Leg("handler", "answered"))))

    call.watch.ended("handler")
    call.watch.ended("third")

    assert call.told == [ev.SoundChanged("C1", "third", "gone")]
