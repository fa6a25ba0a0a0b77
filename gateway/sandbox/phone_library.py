"""What a sandbox phone needs of pjsua2: its calls, its account, its players, its settings.

Callbacks only put plain values into a queue: an exception in one, or a call into the library from one, can end
the process.
"""

from __future__ import annotations

import collections
import random
import socket
from typing import Any

import pjsua2 as pj

Events = collections.deque[tuple[Any, ...]]

_HEARD = (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD)
_CODECS = {"PCMA/8000/1": 255, "PCMU/8000/1": 254}
_REGISTER_SECONDS = 60
_RTP_PORTS = 30  # the library takes the first free one of these


class Call(pj.Call):  # type: ignore[misc]
    """One call. It must be kept for ever: its finaliser could hang up a later call with the same id."""

    def __init__(self, account: pj.Account, events: Events, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self.account, self.events, self.over, self.ours = account, events, False, False

    def onCallState(self, param: Any) -> None:
        info = self.getInfo()
        self.ours = info.role == pj.PJSIP_ROLE_UAC
        self.events.append(("state", self, int(info.state), int(info.lastStatusCode), str(info.lastReason)))

    def onCallMediaState(self, param: Any) -> None:
        self.events.append(("media", self))

    def onDtmfDigit(self, param: Any) -> None:
        self.events.append(("digit", str(param.digit)))

    def onCallTsxState(self, param: Any) -> None:
        event = param.e  # held, because what hangs on a temporary is freed memory
        body = event.body
        state = body.tsxState
        transaction = state.tsx
        answered = transaction.role == pj.PJSIP_ROLE_UAS and transaction.state == pj.PJSIP_TSX_STATE_TERMINATED
        if answered and transaction.method in ("OPTIONS", "INVITE"):
            self.events.append(("probe", int(transaction.statusCode)))

    def onCallTransferRequest(self, param: Any) -> None:
        param.statusCode = 603

    def onCallTransferStatus(self, param: Any) -> None:
        self.events.append(("transfer_status", int(param.statusCode), str(param.reason), bool(param.finalNotify)))

    def onCallReplaced(self, param: Any) -> None:
        """Whom we talked with has passed us on: the new call, already answered, is in the old one's place."""
        new = Call(self.account, self.events, param.newCallId)
        param.newCall = new
        self.events.append(("replaced", self, new))

    def onCallRedirected(self, param: Any) -> int:
        return int(pj.PJSIP_REDIRECT_REJECT)

    def sound(self) -> pj.AudioMedia | None:
        """The other side's sound, as it is now: every hold and change of address makes a new one."""
        if self.over:
            return None
        try:
            info = self.getInfo()  # held, because what hangs on a temporary is freed memory
        except pj.Error:  # it has ended, and we shall hear of that next
            return None
        for media in info.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status in _HEARD and media.audioConfSlot >= 0:
                return self.getAudioMedia(media.index)
        return None

    def respond(self, code: int) -> None:
        """Answer or refuse; nothing happens when the caller has gone meanwhile."""
        if self.over:
            return
        param = pj.CallOpParam(True)
        param.statusCode = code
        try:
            self.answer(param)
        except pj.Error:
            self.events.append(("too_late", code))

    def end(self) -> None:
        if self.over:
            return
        try:
            self.hangup(pj.CallOpParam())
        except pj.Error:
            self.events.append(("too_late", 0))


class Account(pj.Account):  # type: ignore[misc]
    def __init__(self, events: Events) -> None:
        super().__init__()
        self.events = events

    def onIncomingCall(self, param: Any) -> None:
        call = Call(self, self.events, param.callId)  # made here and now, or the library refuses with 500
        self.events.append(("incoming", call, str(param.rdata.wholeMsg)))

    def onRegState(self, param: Any) -> None:
        self.events.append(("registration", int(param.code), int(param.expiration)))


class Player(pj.AudioMediaPlayer):  # type: ignore[misc]
    def __init__(self, events: Events, path: str, *, loop: bool) -> None:
        super().__init__()
        self.events = events
        self.createPlayer(path, 0 if loop else pj.PJMEDIA_FILE_NO_LOOP)

    def onEof2(self) -> None:  # in a thread of the library: nothing but this is allowed
        self.events.append(("played", self))


def start_endpoint(address: str, port: int) -> pj.Endpoint:
    """The library, listening on UDP; single-threaded, G.711 only, no sound device."""
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 1
    user_agent, media = config.uaConfig, config.medConfig
    user_agent.maxCalls, user_agent.threadCnt, user_agent.mainThreadOnly = 4, 0, True
    user_agent.userAgent, user_agent.natTypeInSdp = "sandbox-phone", 0
    media.clockRate = media.sndClockRate = 8000
    media.audioFramePtime = media.ptime = 20
    media.noVad, media.ecTailLen, media.quality = True, 0, 3
    endpoint.libInit(config)
    for codec in endpoint.codecEnum2():
        endpoint.codecSetPriority(codec.codecId, _CODECS.get(codec.codecId, 0))
    transport = pj.TransportConfig()
    transport.port, transport.boundAddress, transport.publicAddress = port, address, address
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    return endpoint


def account_config(settings: dict[str, Any]) -> pj.AccountConfig:
    """Everything goes by way of the edge; an extension registers there, once a minute."""
    config = pj.AccountConfig()
    config.idUri = f"sip:{settings['extension'] or settings['name']}@{settings['domain']}"
    edge = f"sip:{settings['edge_address']}:{settings['edge_port']}"
    config.sipConfig.proxies.append(f"{edge};lr")
    if settings["extension"]:
        credentials = pj.AuthCredInfo("digest", "*", settings["extension"], 0, settings["password"] or "")
        config.sipConfig.authCreds.append(credentials)
        registration = config.regConfig
        registration.registrarUri = edge
        registration.timeoutSec = _REGISTER_SECONDS
        registration.firstRetryIntervalSec, registration.retryIntervalSec = 1, 2
        registration.proxyUse = 0  # the registrar is the edge itself
    transport = config.mediaConfig.transportConfig
    transport.boundAddress = transport.publicAddress = settings["address"]
    transport.port, transport.portRange = _free_rtp_port(settings["address"]), _RTP_PORTS
    if settings["srtp"]:
        config.mediaConfig.srtpUse, config.mediaConfig.srtpSecureSignaling = pj.PJMEDIA_SRTP_MANDATORY, 0
    config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_INACTIVE
    config.natConfig.sipOutboundUse = config.natConfig.contactRewriteUse = 0
    return config


def _free_rtp_port(address: str) -> int:
    """An even port that is free now; the library has no way of asking the system for one."""
    for port in random.sample(range(30000, 60000, 2), 100):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port for RTP at {address}")
