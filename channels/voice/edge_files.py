"""The files that Kamailio is started with, written from the settings.

All lie in one directory, in which Kamailio is also started:

- ``kamailio.cfg``: a copy of ``config/kamailio/kamailio.cfg``
- ``edge-parameters.cfg``: the values of the names in capitals in kamailio.cfg; holds the phones' secret
- ``destinations.list``: for the dispatcher module: one line for each slot, all closed, and one for each trunk
- ``registrations/``: our accounts at the carriers that want us to register; holds their passwords
- ``rtpengine.conf``: for the media relay, when a trunk encrypts sound
- ``tls.cfg``: what the TLS module needs, when TLS is on
- ``locations/``: where the phones are registered; Kamailio keeps it, it is only created here
"""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import config
from config.edge import Edge, Registration, Trunk
from config.numbers import BEFORE_A_NUMBER
from config.settings import Settings
from config.voice import Voice

CONFIG_FILE = "kamailio.cfg"
PARAMETERS_FILE = "edge-parameters.cfg"
DESTINATIONS_FILE = "destinations.list"
TLS_FILE = "tls.cfg"
RELAY_FILE = "rtpengine.conf"
LOCATIONS_DIR = "locations"
REGISTRATIONS_DIR = "registrations"

_CONFIG_SOURCE = Path(config.__file__).parent / "kamailio" / CONFIG_FILE
_INACTIVE, _PROBED = 1, 8  # dispatcher module: flags of a destination that gets no calls; that is asked by OPTIONS
_UNESCAPED_COLON = re.compile(r"(?<!\\):")
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_WORTHLESS = ("NULL_HMAC_SHA1_80", "NULL_HMAC_SHA1_32", "F8_128_HMAC_SHA1_80", "F8_128_HMAC_SHA1_32")
_RELAY_FLAGS = " ".join(
    (
        "ICE=remove",
        "rtcp-mux-demux",
        "replace-origin",
        "replace-session-connection",
        *(f"SDES-no-{w}" for w in _WORTHLESS),
    )
)
_EMPTY_TABLES = Path("/usr/share/kamailio/dbtext/kamailio")


@dataclass(frozen=True, slots=True)
class Limits:
    """Against floods, guessing and dead call processes.

    ``flood`` requests in 2 s from one address, then it is ignored. ``flood_exempt`` are addresses or networks
    that it does not concern; None means the trunk and the call processes, whose requests come for everybody.
    10 wrong passwords ban a phone's address and extension for ``ban_seconds``. A call process that rings must
    answer within ``slot_answer_seconds``; after that its caller is taken to the next one.
    """

    flood: int = 60
    flood_exempt: tuple[str, ...] | None = None
    ban_seconds: int = 300
    slot_answer_seconds: float = 8.0
    workers: int = 4


def files_in_vain(edge: Edge) -> list[str]:
    """What its TLS would look for in vain, in sentences; a certificate may come after the settings that name it."""
    named = {"tls_certificate": edge.tls_certificate, "tls_key": edge.tls_key, "tls_ca": edge.tls_ca}
    return [
        f"edge.{key}: {file} cannot be read; the edge's TLS needs it"
        for key, file in named.items()
        if edge.tls_certificate and not os.access(file, os.R_OK)
    ]


def write_edge_files(settings: Settings, directory: Path, limits: Limits | None = None) -> None:
    """Write everything Kamailio needs into ``directory``; ValueError names a setting it cannot take."""
    edge, voice = settings.edge, settings.voice
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_CONFIG_SOURCE, directory / CONFIG_FILE)
    parameters = directory / PARAMETERS_FILE
    parameters.touch(mode=0o640)
    parameters.write_text(_parameters_text(settings, directory, limits or Limits()))
    destinations = directory / DESTINATIONS_FILE
    destinations.touch(mode=0o640)
    destinations.write_text(_destinations_text(edge, voice))
    if edge.encrypting_trunks:
        (directory / RELAY_FILE).write_text(_relay_text(edge, voice))
    _write_registrations(edge, directory / REGISTRATIONS_DIR)
    if edge.tls_certificate:
        (directory / TLS_FILE).write_text(_tls_text(edge))
    locations = directory / LOCATIONS_DIR
    locations.mkdir(exist_ok=True)
    for table in ("version", "location"):
        if not _is_whole(locations / table):
            shutil.copyfile(_EMPTY_TABLES / table, locations / table)


def _is_whole(table: Path) -> bool:
    """Can Kamailio read this text table? It would not start with one that a power cut left half written."""
    if not table.exists():
        return False
    text = table.read_text(errors="replace")
    names, *rows = text.splitlines() or [""]
    columns = len(names.split())
    return columns > 0 and text.endswith("\n") and all(len(_UNESCAPED_COLON.split(r)) == columns for r in rows)


def _destinations_text(edge: Edge, voice: Voice) -> str:
    """Set 1: the slots. Set 2: the trunks, the first with the highest priority."""
    slots = range(voice.sip_port_base, voice.sip_port_base + voice.slots)
    lines = [f"1 sip:{voice.address}:{port} {_INACTIVE} 0\n" for port in slots]
    priorities = range(len(edge.trunks), 0, -1)
    lines += [
        f"2 {t.uri} {_PROBED} {priority} {_about(t)}\n" for t, priority in zip(edge.trunks, priorities, strict=True)
    ]
    return "".join(lines)


def _about(trunk: Trunk) -> str:
    """What the edge must know of a trunk when it calls by it; the password in hex, because it may hold anything."""
    facts = {"name": trunk.name, "media": trunk.media}
    if login := trunk.login or trunk.registration:
        facts |= {"user": login.user, "password": login.password.get_secret_value().encode().hex()}
    return ";".join(f"{name}={value}" for name, value in facts.items())


def _names(trunk: Trunk) -> tuple[str, ...]:
    """What the certificate of a trunk that we call over TLS may be for: its name, or a wildcard for it."""
    name = trunk.tls_name or trunk.host
    parent = name.partition(".")[2]
    is_address = name.replace(".", "").isdigit()
    return (name,) if is_address or "." not in parent else (name, f"*.{parent}")


def _relay_text(edge: Edge, voice: Voice) -> str:
    """rtpengine in user space, with one foot at the call processes and one outside."""
    lines = (
        "[rtpengine]",
        "table = -1",
        f"interface = inside/{voice.address};outside/{edge.address}",
        f"listen-ng = 127.0.0.1:{edge.relay_control_port}",
        f"port-min = {edge.relay_port_base}",
        f"port-max = {edge.relay_port_base + edge.relay_ports - 1}",
        "foreground = true",
        "log-stderr = true",
        "log-level = 4",  # warnings; more would tell of every call
        "timeout = 120",  # seconds without sound from either side, or without an answer, and a call is forgotten
        "offer-timeout = 600",
    )
    return "\n".join(lines) + "\n"


def _write_registrations(edge: Edge, directory: Path) -> None:
    """The text table ``uacreg``, in the columns that Kamailio gives in its first line; texts may be empty."""
    directory.mkdir(mode=0o750, exist_ok=True)
    shutil.copyfile(_EMPTY_TABLES / "version", directory / "version")
    names = (_EMPTY_TABLES / "uacreg").read_text().splitlines()[0]
    columns = [name.partition("(")[0] for name in names.split()]
    rows = [
        _registration(number, trunk, one) for number, trunk in enumerate(edge.trunks, 1) if (one := trunk.registration)
    ]
    lines = [":".join(_escaped(row.get(column, "")) for column in columns) for row in rows]
    table = directory / "uacreg"
    table.touch(mode=0o640)
    table.write_text("\n".join([names.replace("(string)", "(string,null)"), *lines]) + "\n")


def _registration(number: int, trunk: Trunk, account: Registration) -> dict[str, str]:
    return {
        "id": str(number),
        "l_uuid": trunk.name,
        "l_username": account.user,
        "l_domain": account.domain,
        "r_username": account.user,
        "r_domain": account.domain,
        "auth_username": account.user,
        "auth_password": account.password.get_secret_value(),
        "auth_proxy": trunk.uri,
        "expires": str(account.seconds),
        "flags": "0",
        "reg_delay": "0",
    }


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(":", "\\:")


def _tls_text(edge: Edge) -> str:
    """TLS 1.2 and later with forward secrecy; a trunk that we call must show a certificate that holds."""
    ours = f"method = TLSv1.2+\ncertificate = {edge.tls_certificate}\nprivate_key = {edge.tls_key}\n"
    ours += f"cipher_list = {_CIPHERS}\n"
    theirs = f"verify_certificate = yes\nrequire_certificate = yes\nca_list = {edge.tls_ca}\n"
    return f"[server:default]\n{ours}[client:default]\n{ours}{theirs}"


def _parameters_text(settings: Settings, directory: Path, limits: Limits) -> str:
    edge, voice = settings.edge, settings.voice
    trunk = _networks("edge.trunk_sources", edge.trunk_sources)
    exempt = limits.flood_exempt
    if exempt is None:
        exempt = (*edge.trunk_sources, voice.address)
    values = {
        "EDGE_ADDRESS": edge.address,
        "EDGE_PORT": edge.port,
        "EDGE_DOMAIN": edge.domain,
        # Whole paths, because Kamailio is started elsewhere than we are.
        "RPC_SOCKET": edge.rpc_socket.absolute(),
        "DESTINATIONS_FILE": directory.absolute() / DESTINATIONS_FILE,
        "TLS_FILE": directory.absolute() / TLS_FILE,
        "TLS_PORT": edge.tls_port,
        "LOCATION_DIR": directory.absolute() / LOCATIONS_DIR,
        "REGISTRATIONS_DIR": directory.absolute() / REGISTRATIONS_DIR,
        "VOICE_ADDRESS": voice.address,
        "SLOT_FIRST": voice.sip_port_base,
        "SLOT_LAST": voice.sip_port_base + voice.slots - 1,
        "SLOT_ANSWER_MS": int(1000 * limits.slot_answer_seconds),
        "TRUNK_SOURCES": trunk,
        "FIRST_TRUNK": edge.trunks[0].uri.removeprefix("sip:"),
        "TLS_NAMES": ",".join(name for trunk in edge.trunks if trunk.transport == "tls" for name in _names(trunk))
        or "none",
        "ABOUT_THE_FIRST": _about(edge.trunks[0]),
        "SRTP_SOURCES": _networks("edge.trunks", tuple(s for t in edge.encrypting_trunks for s in t.sources)),
        "KEYS_ONLY_OVER_TLS": _networks(
            "edge.trunks", tuple(s for t in edge.encrypting_trunks if t.transport == "tls" for s in t.sources)
        ),
        "RELAY_CONTROL_PORT": edge.relay_control_port,
        "SRTP_OFFER": f"RTP/SAVP DTLS=off {_RELAY_FLAGS}",
        "PLAIN_OFFER": f"RTP/AVP {_RELAY_FLAGS}",
        "TRUNK_CHECK_SECONDS": edge.trunk_check_seconds,
        "NEVER_DIAL": BEFORE_A_NUMBER + f"({'|'.join(settings.routing.never_dial) or 'none'})",
        "SHORT_CODES": "|".join(settings.routing.short_codes) or "none",
        "OVERFLOW_URI": edge.overflow_uri,
        # In hex, because a secret may hold what Kamailio's preprocessor or strings would trip over.
        "PHONE_SECRET_HEX": edge.phone_secret.get_secret_value().encode().hex(),
        "FLOOD_LIMIT": limits.flood,
        "FLOOD_EXEMPT": _networks("flood_exempt", exempt),
        "BAN_SECONDS": limits.ban_seconds,
        "WORKERS": limits.workers,
    }
    for name, value in values.items():
        if any(character in '!"\\$\r\n' for character in str(value)):
            raise ValueError(f"{name}: {value!r} holds a character that Kamailio cannot take")
    switches = "#!define WITH_TLS\n" if edge.tls_certificate else ""
    switches += "#!define WITH_SRTP\n" if edge.encrypting_trunks else ""
    return switches + "".join(f'#!substdef "!{name}!{value}!g"\n' for name, value in values.items())


def _networks(key: str, sources: tuple[str, ...]) -> str:
    """Comma-separated networks; one that no address is in stands for an empty list."""
    try:
        return ",".join(str(ipaddress.ip_network(source, strict=False)) for source in sources) or "0.0.0.0/32"
    except ValueError as error:
        raise ValueError(f"{key}: {error}; give addresses such as 192.0.2.7 or 192.0.2.0/24") from error
