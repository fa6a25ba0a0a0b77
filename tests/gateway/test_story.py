"""What the journal says of a call, for people who were not there."""

from __future__ import annotations

import pytest

from gateway.store.journal import Head, write_row
from gateway.story import sentence
from routing import commands as do
from routing import events as ev
from routing.model import Party

REF = "AAAA-1111"
CALLED = ev.CallArrived(REF, "id@edge", "general", Party("+447700900123"), "101")


def told(change: ev.Event | do.Command, reference: str = REF) -> str:
    """The actor and what they did."""
    row = write_row(Head(), change, 0.0, "", reference)
    return f"{row.actor} {sentence(row)}"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (CALLED, "caller called 101; the contact was opened in queue general"),
        (ev.CallPassed(REF, "anna", "Ben Okoro", "ben"), "handler:anna passed the caller from anna to Ben Okoro"),
        (ev.CallPassed(REF, "", "Ben Okoro", "ben"), "system connected the caller to Ben Okoro"),
        (ev.PartyLeft(REF, "Ben Okoro", "was busy (SIP 486)", "ben"), "system let go of Ben Okoro: was busy (SIP 486)"),
        (
            ev.ControlRoomTried(REF, "Control room", "no_answer", 408),
            "system tried Control room for the control room: no answer (SIP 408)",
        ),
        (
            ev.ControlRoomTried(REF, "Main desk", "hung_up", 200),
            "system tried Main desk for the control room: hung up at once (SIP 200)",
        ),
        (do.CallControlRoom(REF), "system calls the control room"),
        (
            do.CallControlRoom(REF, after="Main desk"),
            "system calls the control room's next target after Main desk",
        ),
        (ev.VoicemailLeft(REF, "general", "", "v.wav", 6.2), "caller left a voicemail of 6 s"),
        (
            ev.VoicemailLeft(REF, "general", "", "v.wav", 6.2, silent=True),
            "caller left a voicemail of 6 s in which nothing was heard",
        ),
        (
            ev.SendingFailed(REF, "m", "the carrier cannot be reached", False, which="amy's message of 09:05:03 UTC"),
            "system could not send amy's message of 09:05:03 UTC: the carrier cannot be reached",
        ),
        (
            ev.SendingFailed(REF, "m", "refused", True),
            "system could not send a message: refused",
        ),
        (
            ev.SendingClaimed(REF, "m", 2, which="amy's message of 09:05:03 UTC"),
            "system began try 2 at sending amy's message of 09:05:03 UTC",
        ),
        (ev.DeliveryReported(REF, "m", "delivered"), "system was told that a message is 'delivered'"),
        (
            ev.DeliveryReported(REF, "m", "undelivered", "30003", "the phone is off"),
            "system was told that a message is 'undelivered' (the phone is off)",
        ),
        (
            ev.DeliveryReported(REF, "m", "delivered", which="amy's message of 09:05:03 UTC"),
            "system was told that amy's message of 09:05:03 UTC is 'delivered'",
        ),
        (ev.FollowUpTried(REF, "f", "busy"), "system called, and reached nobody: busy"),
        (
            do.PlaceFollowUpCall(REF, "", "anna", "+447700900123", withheld=True),
            "system calls +447700900123 for anna, whose phone rings first; our number is not shown",
        ),
    ],
)
def test_a_row_is_told_in_plain_words(change: ev.Event | do.Command, says: str) -> None:
    assert told(change) == says


def test_a_caller_who_is_back_in_their_contact_is_not_said_to_have_opened_it() -> None:
    earlier = "BBBB-2222"
    assert told(CALLED, earlier) == "caller called 101 again, and is back in this contact"
