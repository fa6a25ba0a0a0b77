"""One leg of a call: a pjsua2 call whose callbacks only take notes.

Callbacks run inside the media stack, some from its own threads. They copy plain values into the engine's queue,
never raise, and never call the stack for another leg; the loop reads the queue afterwards. A ``Leg`` must never
be destroyed: its destructor would hang up on whoever has its place in the stack by then.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pjsua2 as pj

from channels.voice import messages, pjmedia, sip
from channels.voice.messages import LegName, LegState

# The edge makes a 202 of this answer to a REFER (config/kamailio/kamailio.cfg). It must not be a 2xx here: then the
# stack would dial the target by itself.
REFER_NOTED = 499
REFER_REFUSED = 603

AUDIBLE = (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD)

# Without packets for so long the stack's level only stands still.
PACKETS_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Incoming:
    leg: Leg
    message: str
    source: str


@dataclass(frozen=True, slots=True)
class StateSeen:
    """``state``: one of pjsua2's PJSIP_INV_STATE numbers; ``code``: the last SIP status."""

    leg: Leg
    state: int
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class DigitSeen:
    leg: Leg
    digit: str


@dataclass(frozen=True, slots=True)
class TransferSeen:
    """The handler's phone asks to pass the caller on: a Refer-To as it came (RFC 3515)."""

    leg: Leg
    refer_to: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A player came to its end."""

    player: Any


@dataclass(frozen=True, slots=True)
class Bug:
    error: str


Note = Incoming | StateSeen | DigitSeen | TransferSeen | Finished | Bug


class Leg(pj.Call):  # type: ignore[misc]
    """``slot`` is the leg's place in the conference bridge, None without media; it changes at every hold.

    ``wake`` makes the loop read the notes at once; it may be called from any thread.
    """

    def __init__(
        self,
        account: Any,
        notes: deque[Note],
        wake: Callable[[], None],
        name: LegName,
        call_id: int = pj.PJSUA_INVALID_ID,
    ) -> None:
        super().__init__(account, call_id)
        self._notes = notes
        self._wake = wake
        self.name = name
        self.incoming = call_id != pj.PJSUA_INVALID_ID
        self.over = False
        self.state: LegState = "ringing" if self.incoming else "dialling"
        self.code = 0
        self.call_id = self.local_tag = self.remote_tag = ""
        self.media: Any = None
        self.slot: int | None = None
        self.media_changed = False
        self.stream = 0
        self.held = self.told_held = False
        self.packets = 0
        self.packets_at = time.monotonic()
        self.silent = False
        self.helps = False
        self.probe_at = 0.0

    # --- callbacks ---

    def onCallState(self, prm: Any) -> None:
        try:
            self._note_state(prm)
        except Exception as error:  # noqa: BLE001 -- an exception must not reach the media stack
            self._notes.append(Bug(repr(error)))

    def onCallMediaState(self, prm: Any) -> None:
        self.media_changed = True

    def onStreamCreated(self, prm: Any) -> None:
        self.stream = int(prm.stream)

    def onStreamDestroyed(self, prm: Any) -> None:
        self.stream = 0

    def onDtmfDigit(self, prm: Any) -> None:
        """Runs in the media thread: a note and a wake-up, nothing else."""
        self._notes.append(DigitSeen(self, str(prm.digit)))
        self._wake()

    def onCallTransferRequest(self, prm: Any) -> None:
        """Only the handler's phone may ask, and we decide; the default would dial whatever the peer asks for."""
        prm.statusCode = REFER_REFUSED
        if self.name == "handler":
            prm.statusCode = REFER_NOTED
            self._notes.append(TransferSeen(self, str(prm.dstUri)))

    def onCallReplaceRequest(self, prm: Any) -> None:
        prm.statusCode = 486  # the default would let a stranger take the call over

    def onCallRedirected(self, prm: Any) -> int:
        return int(pj.PJSIP_REDIRECT_REJECT)

    def _note_state(self, prm: Any) -> None:
        info = self.getInfo()
        state = int(info.state)
        if state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.over = True
            self.media = self.slot = None
        elif not (self.local_tag and self.remote_tag):
            self.call_id = str(info.callIdString)
            self.learn_tags(_message_of(prm.e))
        self._notes.append(StateSeen(self, state, int(info.lastStatusCode), str(info.lastReason)))

    # --- for the loop ---

    @property
    def alive(self) -> bool:
        return not self.over and self.state not in ("failed", "ended")

    def learn_tags(self, message: str) -> None:
        """Reads the dialog's tags from a message of its INVITE, in either direction."""
        fields = sip.headers(message)
        if not sip.first(fields, "cseq").upper().endswith(("INVITE", "ACK")):
            return
        caller, called = sip.tag(sip.first(fields, "from")), sip.tag(sip.first(fields, "to"))
        self.local_tag, self.remote_tag = (called, caller) if self.incoming else (caller, called)

    def describe(self) -> messages.Leg:
        tags = (self.call_id, self.local_tag, self.remote_tag)
        return messages.Leg(self.name, self.state, *tags, self.code, held=self.held, silent=self.silent)

    def probe(self) -> None:
        """Asks the peer whether the call is still there (RFC 3261, 11 and 12.2.1.2): no answer, or 481, ends it.

        A media relay that was started anew knows nothing of the call until it is offered again.
        """
        prm = pj.CallSendRequestParam()
        prm.method = "OPTIONS"
        try:
            if self._relayed():
                self.reinvite(pj.CallOpParam(True))
            else:
                self.sendRequest(prm)
        except pj.Error as error:
            self._notes.append(Bug(f"probe: {error.reason}"))

    def _relayed(self) -> bool:
        """Whether its sound comes from where we are, as a media relay's does."""
        stream, transport = self.getStreamInfo(0), self.getMedTransportInfo(0)
        return _host(stream.remoteRtpAddress) == _host(transport.localRtpName)

    def respond(self, code: int) -> bool:
        """Answers the INVITE with ``code``; False when the caller has cancelled meanwhile."""
        if self.over:
            return False
        prm = pj.CallOpParam(True)
        prm.statusCode = code
        try:
            self.answer(prm)
        except pj.Error:
            return False
        return True

    def release(self, code: int = 0) -> None:
        """Hangs up: BYE, CANCEL or a refusal with ``code``."""
        if self.over or self.getId() == pj.PJSUA_INVALID_ID:
            return
        prm = pj.CallOpParam()
        prm.statusCode = code
        try:
            self.hangup(prm)
        except pj.Error as error:
            self._notes.append(Bug(f"hangup: {error.reason}"))

    def refresh_media(self) -> None:
        """Looks up where the leg's audio is now."""
        self.media_changed = False
        self.media = self.slot = None
        if self.over or self.getId() == pj.PJSUA_INVALID_ID:
            return
        info = self.getInfo()  # must stay in a variable: the list below belongs to it
        for media in info.media:
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            self.held = media.status == pj.PJSUA_CALL_MEDIA_REMOTE_HOLD
            if media.status in AUDIBLE and media.audioConfSlot >= 0:
                self.slot = int(media.audioConfSlot)
                self.media = self.getAudioMedia(int(media.index))

    def after_digit(self) -> None:
        """While a key is down no sound comes, and the stack takes the missing packets for lost ones: what little it had
        kept back for the next packet would wait for them all, and whatever is said after that would come half a second
        late and in pieces. So that little is dropped."""
        if self.stream:
            pjmedia.empty_jitter_buffer(self.stream)

    def tell_transfer(self, code: int, reason: str, *, final: bool) -> None:
        """Tells the phone how its REFER goes (RFC 3515 section 2.4.4). Raises pj.Error when the dialog is over."""
        state = "terminated;reason=noresource" if final else "active;expires=120"
        prm = pj.CallSendRequestParam()
        prm.method = "NOTIFY"
        for name, value in (("Event", "refer"), ("Subscription-State", state)):
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            prm.txOption.headers.append(header)
        prm.txOption.contentType = "message/sipfrag;version=2.0"
        prm.txOption.msgBody = f"SIP/2.0 {code} {reason}\r\n"
        self.sendRequest(prm)

    def expect_sound(self) -> None:
        """From now on: while a telephone rings nothing is to come."""
        self.packets_at = time.monotonic()

    def silent_for(self) -> float:
        """Seconds since the count of received RTP packets last grew; 0 while there is nothing to expect."""
        now = time.monotonic()
        packets = None if self.over or self.slot is None or self.held else self._count()
        if packets is None or packets != self.packets:
            self.packets_at = now
            self.packets = packets or 0
        return now - self.packets_at

    def level(self) -> int:
        """How loud the last 20 ms from this leg were, some 1 for each 2 dB; 0 when no packets come."""
        if self.over or self.slot is None or self.silent_for() > PACKETS_SECONDS:
            return 0
        return int(self.media.getTxLevel())  # what the leg gives to the others; the stack names it the other way

    def _count(self) -> int | None:
        try:
            # Each level must stay in a variable: the next one belongs to it.
            stat = self.getStreamStat(0)
            rtcp = stat.rtcp
            received = rtcp.rxStat
            return int(received.pkt)
        except pj.Error:
            return None


def _host(address: str) -> str:
    return str(address).rpartition(":")[0]


def _message_of(event: Any) -> str:
    """The SIP message behind a call event; '' when there is none. Every level stays in a variable."""
    body = event.body
    if event.type == pj.PJSIP_EVENT_RX_MSG:
        received = body.rxMsg
        data = received.rdata
    elif event.type == pj.PJSIP_EVENT_TX_MSG:
        sent = body.txMsg
        data = sent.tdata
    elif event.type == pj.PJSIP_EVENT_TSX_STATE:
        transaction = body.tsxState
        source = transaction.src
        if transaction.type == pj.PJSIP_EVENT_RX_MSG:
            data = source.rdata
        elif transaction.type == pj.PJSIP_EVENT_TX_MSG:
            data = source.tdata
        else:
            return ""
    else:
        return ""
    return str(data.wholeMsg)
