"""The media stack of one call process: an endpoint, one account, four legs at most, one thread.

Every call into the stack is made from the thread that made the engine. Nothing here is ever destroyed: the
process ends with ``os._exit``, because the stack's own teardown aborts while a call object exists.
"""

from __future__ import annotations

import math
import socket
from collections import deque
from typing import Any

import pjsua2 as pj

from channels.voice import pjmedia
from channels.voice.legs import Finished, Incoming, Leg, Note, StateSeen
from channels.voice.messages import LegName
from channels.voice.slot import Slot

CODECS = {"PCMA/8000/1": 255, "PCMU/8000/1": 254}
# Each leg takes an RTP and an RTCP port; the slot has sixteen.
RTP_PORT_RANGE = 14
CANNOT_SEND = 500


class Engine:
    """``notes`` fills while ``pump`` runs; ``pump`` returns early when a SIP datagram comes, even an empty one."""

    def __init__(self, slot: Slot) -> None:
        self.notes: deque[Note] = deque()
        self._slot = slot
        self._kept: list[Any] = []
        self._media: int | None = None
        self._poker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._endpoint = _endpoint(slot)
        self._account = _Account(self)
        self._account.create(account_config(slot))

    def pump(self, seconds: float) -> None:
        """Lets the stack work until something has come or the time is up."""
        self._endpoint.libHandleEvents(math.ceil(seconds * 1000))

    def poke(self) -> None:
        """Wakes ``pump`` from any thread."""
        self._poker.sendto(b"\r\n\r\n", (self._slot.address, self._slot.sip_port))

    def keep(self, thing: Any) -> None:
        """Holds a reference until the process ends."""
        self._kept.append(thing)

    def start_media(self) -> None:
        """Starts what moves the audio and takes RTP in; done late, because an idle process should not tick."""
        if self._media is None:
            self._media = pjmedia.start_thread()
            self._endpoint.audDevManager().setNullDev()

    def stop_media(self) -> None:
        """For good, when the call is over and its recordings are closed: a process that lingers should not tick."""
        if self._media is not None:
            self._endpoint.audDevManager().setNoDev()
            pjmedia.end_thread(self._media)

    def silence(self) -> Any:
        """An audio source that is always there, so that a recording's time is the wall's."""
        return self._endpoint.audDevManager().getCaptureDevMedia()

    def sink(self) -> Any:
        """Where sound can go so that the stack takes and measures it; nobody hears it there."""
        return self._endpoint.audDevManager().getPlaybackDevMedia()

    def dial(self, name: LegName, uri: str, from_uri: str, headers: tuple[tuple[str, str], ...]) -> Leg:
        """A leg that is being called; a call that cannot even be sent ends in the notes."""
        self.start_media()
        leg = Leg(self._account, self.notes, self.poke, name)
        self.keep(leg)
        prm = pj.CallOpParam(True)
        if from_uri:
            prm.txOption.localUri = _encodable(from_uri)
        for key, value in headers:
            header = pj.SipHeader()
            header.hName, header.hValue = _encodable(key), _encodable(value)
            prm.txOption.headers.append(header)
        try:
            leg.makeCall(_encodable(uri), prm)
        except pj.Error as error:
            leg.over = True
            self.notes.append(StateSeen(leg, pj.PJSIP_INV_STATE_DISCONNECTED, CANNOT_SEND, str(error.reason)))
        return leg

    def on_incoming(self, prm: Any) -> None:
        leg = Leg(self._account, self.notes, self.poke, "caller", prm.callId)
        self.keep(leg)
        received = prm.rdata
        self.notes.append(Incoming(leg, str(received.wholeMsg), str(received.srcAddress)))


class Player(pj.AudioMediaPlayer):  # type: ignore[misc]
    """Plays one WAV file (mono, 16 bit, 8 kHz), once or for ever; raises pj.Error when it cannot be read.

    Not the stack's playlist: that reports its end up to 0.25 s too early.
    """

    def __init__(self, engine: Engine, key: str, file: str, *, loop: bool) -> None:
        super().__init__()
        self.key = key
        self._engine = engine
        self.createPlayer(file, 0 if loop else pj.PJMEDIA_FILE_NO_LOOP)

    def onEof2(self) -> None:
        """Runs in a thread of the stack's own: a note and a wake-up, nothing else."""
        self._engine.notes.append(Finished(self))
        self._engine.poke()


class _Account(pj.Account):  # type: ignore[misc]
    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine

    def onIncomingCall(self, prm: Any) -> None:
        self._engine.on_incoming(prm)


def endpoint_config() -> Any:
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 0
    agent = config.uaConfig
    agent.maxCalls = 4
    agent.threadCnt = 0
    agent.mainThreadOnly = False  # else a pressed key would wait until the loop wakes by itself
    agent.userAgent = ""
    agent.natTypeInSdp = 0
    media = config.medConfig
    media.clockRate = media.sndClockRate = 8000
    media.audioFramePtime = media.ptime = 20
    media.noVad = True
    media.ecTailLen = 0
    media.quality = 3
    media.hasIoqueue = True
    media.threadCnt = 1
    media.jbInit = media.jbMinPre = 40
    return config


def _endpoint(slot: Slot) -> Any:
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    endpoint.libInit(endpoint_config())
    pjmedia.stop_thread()
    for codec in endpoint.codecEnum2():
        endpoint.codecSetPriority(codec.codecId, CODECS.get(codec.codecId, 0))
    transport = pj.TransportConfig()
    transport.port = slot.sip_port
    transport.boundAddress = transport.publicAddress = slot.address
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    return endpoint


def account_config(slot: Slot) -> Any:
    config = pj.AccountConfig()
    config.idUri = f"sip:gateway@{slot.address}:{slot.sip_port}"
    config.sipConfig.proxies.append(slot.outbound_proxy)
    config.natConfig.sipOutboundUse = 0
    # Session timers would end a call whose peer does not refresh; RTP tells us who is still there.
    config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_INACTIVE
    media = config.mediaConfig.transportConfig
    media.port = slot.rtp_port
    media.portRange = RTP_PORT_RANGE
    media.boundAddress = media.publicAddress = slot.address
    return config


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
