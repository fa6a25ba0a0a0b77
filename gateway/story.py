"""The journal in sentences: what a row says, for people who read the story of a contact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.store.documents import load_change
from gateway.store.journal import Row
from routing.events import CallArrived

# Each follows its actor: "handler:amy accepted the offer". ``{0}`` is the event or command, ``{outcome}`` its outcome
# in words.
SENTENCES: Mapping[str, str] = {
    "CallArrived": "called {0.our_address}; the contact was opened in queue {0.queue}",
    "CallQueued": "put the caller in the queue",
    "DigitPressed": "pressed {0.digit}",
    "CallerLeft": "hung up",
    "CallEnded": "ended the call",
    "HandlerLeft": "left the call; the caller stays with the control room",
    "HandlerLost": "lost the phone of {0.handler} in the call: {0.why}",
    "CallLost": "lost the call: {0.why}",
    "RecordingMade": "kept a recording of {0.seconds:.0f} s",
    "RecordingDeleted": "deleted a recording whose time was over, SHA-256 {0.sha256}",
    "OfferAccepted": "accepted the offer",
    "OfferClaimed": "asked for the emergency that was shown to all",
    "OfferDeclined": "declined the offer",
    "OfferMissed": "rang the phone of {0.handler} without an answer",
    "OfferFailed": "could not ring the phone of {0.handler}: {0.why}",
    "WrapUpCompleted": "completed the wrap-up with disposition '{0.disposition}'",
    "NoteAdded": "wrote a note: {0.text}",
    "GradeGiven": "gave the grade '{0.grade}'",
    "EmergencyRaised": "raised an emergency: {0.how}",
    "ControlRoomTried": "tried {0.target} for the control room: {outcome} (SIP {0.code})",
    "ControlRoomExhausted": "found no control room target that answers, round {0.round}",
    "ControlRoomJoined": "joined {0.target}: a person in the control room hears the caller",
    "ControlRoomLeft": "saw {0.target} leave the call",
    "MessageArrived": "sent a message ({0.channel.value}) to {0.our_address}, queue {0.queue}{0.remark}",
    "ReplyWritten": "wrote a reply{0.remark}",
    "SendingClaimed": "began try {0.attempt} at sending {0.which}",
    "MessageSent": "sent {0.which}; the provider has it",
    "SendingFailed": "could not send {0.which}: {0.why}",
    "DeliveryReported": "was told that {0.which} is '{0.status}'",
    "FollowUpRequested": "asked for a follow-up ({0.follow_up.channel.value}): {0.follow_up.purpose}",
    "FollowUpAnswered": "reached the person",
    "FollowUpTried": "called, and reached nobody: {outcome}",
    "FollowUpCancelled": "cancelled a follow-up: {0.why}",
    "HandlerSaved": "saved handler {0.handler.id}",
    "HandlerRemoved": "removed handler {0.handler}",
    "PresenceChanged": "set {0.handler} {0.presence.state.value}",
    "TimePassed": "looked at what was due",
    "BoardRepaired": "found the board wrong and repaired it: {0.found}",
    "ShiftsImported": "imported the shifts of {0.file}: {0.added} added, {0.removed} removed",
    "PartFailing": "found that something does not work: {0.why}",
    "QueueNotServed": "found a queue that is not served: {0.why}",
    "QueueServedAgain": "found a queue served again: {0.why}",
    "StaffingShort": "found too few handlers: {0.why}",
    "Recorded": "{0.what}",
    "PartyRung": "rang {0.target} ({0.role})",
    "PartyAnswered": "has {0.target} in the call",
    "PartyLeft": "let go of {0.target}: {0.why}",
    "Supervised": "has supervisor {0.supervisor} in the call: {0.mode}",
    "CallPassed": "connected the caller to {0.target}",
    "CallTakenOver": "took the call over from {0.taken_from}: {0.why}",
    "LedOut": "connected the caller to {0.target}",
    "LeadOn": "{0.why}",
    "NotLedOn": "left the caller waiting where they were: {0.why}",
    "Requeued": "moved the caller to queue {0.queue}",
    "CallbackAsked": "asked to be called back at {0.address} and keeps the place",
    "VulnerableMarked": "marked the person as vulnerable",
    "CallerSilent": "heard nothing of the caller for {0.seconds:.0f} s",
    "CallerHeard": "heard the caller, who had been silent",
    "MenuChosen": "pressed {0.digit} in menu {0.menu}: {0.to}",
    "VoicemailLeft": "left a voicemail of {0.seconds:.0f} s",
    "SafetyMarked": "marked reaching this person '{0.calling}'",
    "MarkSafety": "marked reaching this person '{0.calling}': {0.why}",
    "CallRequested": "dialled {0.address}",
    "HeldChanged": "took the caller off hold at the {0.where}",
    "SoundChanged": "noted that the sound from the {0.leg} is {0.sound}",
    "TransferRefused": "was refused a transfer to {0.target} by the phone: {0.why}",
    "MutedChanged": "opened the microphone again",
    "RecordingPaused": "paused the recording: {0.why}",
    "RecordingResumed": "resumed the recording",
    "DigitsSent": "sent {0.digits} digit(s)",
    "WrapUpExtended": "extended the wrap-up by {0.seconds:.0f} s",
    "MakeOffer": "offered it to {0.offer.handler}: {0.why}",
    "EndOffer": "ended the offer to {0.handler}: {0.how}",
    "SetAway": "set {0.handler} away: {0.reason}",
    "OpenToAll": "opened it to every suitable handler",
    "Relax": "goes further to find a handler now, as it has waited",
    "OfferAgain": "may offer it to {0.handler} again",
    "Acknowledge": "sends the acknowledgement",
    "LeaveUnacknowledged": "sends no acknowledgement: {0.why}",
    "AskWhere": "asks the person where they are",
    "CallControlRoom": "calls the control room",
    "RaiseAlarm": "alarmed the supervisors: {0.why}",
    "WithdrawAlarm": "withdrew an alarm: {0.why}",
    "ScheduleFollowUp": "scheduled a follow-up ({0.follow_up.channel.value}): {0.follow_up.purpose}",
    "QueueFollowUp": "put the follow-up in the queue",
    "GiveUpFollowUp": "gave up the follow-up: {0.why}",
    "PlaceFollowUpCall": "calls {0.address} for {0.handler}, whose phone rings first",
    "CancelFollowUp": "cancelled the follow-up: {0.why}",
    "StopExpecting": "waits no longer for the caller to call again",
    "WrapUpDue": "told {0.handler} that the time for the wrap-up is over",
    "AskForReview": "asks a handler to look at it: {0.why}",
    "ReturnToQueue": "put it back in the queue from {0.handler}: {0.why}",
    "ReopenContact": "opened the contact again: the person wrote once more",
    "CloseContact": "closed the contact",
}
# What is said instead where this attribute is true.
IF_TRUE: Mapping[str, tuple[str, str]] = {
    "CallControlRoom": ("after", "calls the control room's next target after {0.after}"),
    "CallerLeft": ("cut_off", "was cut off"),
    "CallPassed": ("handler", "passed the caller from {0.handler} to {0.target}"),
    "PlaceFollowUpCall": (
        "withheld",
        "calls {0.address} for {0.handler}, whose phone rings first; our number is not shown",
    ),
    "VoicemailLeft": ("silent", "left a voicemail of {0.seconds:.0f} s in which nothing was heard"),
    "HeldChanged": ("held", "put the caller on hold at the {0.where}"),
    "MutedChanged": ("muted", "muted the microphone"),
}
OUTCOMES: Mapping[str, str] = {
    "busy": "busy",
    "no_answer": "no answer",
    "hung_up": "hung up at once",
    "unreachable": "unreachable",
    "handler_unreachable": "the handler's own phone did not answer",
}
# What explains a sentence, where it is given.
REASONS: Mapping[str, str] = {
    "Recorded": "why",
    "DeliveryReported": "why",
    "EndOffer": "why",
    "Requeued": "why",
    "GradeGiven": "rationale",
    "WrapUpCompleted": "notes",
    "PresenceChanged": "presence.reason",
}


def sentence(row: Row) -> str:
    """For example ``ended the offer to amy: expired (no answer in time)``."""
    change = load_change(row.kind, row.document)
    if isinstance(change, CallArrived) and row.reference != change.reference:
        return f"called {change.our_address} again, and is back in this contact"
    attribute, instead = IF_TRUE.get(row.kind, ("", ""))
    words = instead if attribute and getattr(change, attribute) else SENTENCES[row.kind]
    told = words.format(change, outcome=OUTCOMES.get(getattr(change, "outcome", ""), ""))
    reason = _attribute(change, REASONS[row.kind]) if row.kind in REASONS else ""
    return f"{told} ({reason})" if reason else told


def _attribute(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = getattr(value, name)
    return value
