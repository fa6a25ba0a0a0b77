"""Calls: the call processes and what they do, the control room, and interpreters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from config.menus import VoiceNumber
from config.section import Identifier, KeepDays, Number, Port, Section, SipUri


class Target(Section):
    """One place in the ordered list that takes emergencies."""

    name: str
    uri: SipUri
    ring_seconds: Annotated[float, Field(gt=0, le=60)] = 8.0


class ControlRoom(Section):
    targets: Annotated[tuple[Target, ...], Field(min_length=1)]
    retry_pause_seconds: Annotated[float, Field(gt=0)]


class Interpreter(Section):
    """Whom a handler can bring into a call for a language."""

    language: Identifier
    name: str
    number: Number


class Voice(Section):
    enabled: bool
    slots: Annotated[int, Field(ge=1, le=500)]
    address: str
    sip_port_base: Port
    rtp_port_base: Port
    numbers: tuple[VoiceNumber, ...]
    default_queue: Identifier
    prompts_dir: Path
    music: Path
    recordings_dir: Path
    start_deadline_seconds: Annotated[float, Field(gt=0)]
    command_deadline_seconds: Annotated[float, Field(gt=0)]
    position_every_seconds: Annotated[float, Field(gt=0)]
    comfort: tuple[Identifier, ...] = ()
    emergency_digits: Annotated[str, Field(pattern=r"^[0-9]{1,4}$")]
    media_lost_seconds: Annotated[float, Field(gt=0)]
    media_lost_ends: tuple[Literal["caller", "handler", "third", "supervisor", "control_room"], ...] = ("handler",)
    fallback_seconds: Annotated[float, Field(gt=0)]
    transfer_ring_seconds: Annotated[float, Field(gt=0, le=120)] = 20.0
    keep_place_after_seconds: Annotated[float, Field(ge=0)] = 120.0
    voicemail_seconds: Annotated[float, Field(ge=10, le=600)] = 180.0
    recording_format: Literal["flac", "wav"] = "flac"
    recording_pause_max_seconds: Annotated[float, Field(gt=0, le=3600)] = 120.0
    recording_keep_days: KeepDays = 2190
    supervisors_shown: bool = True
    voicemail_silence_seconds: Annotated[float, Field(ge=2, le=60)] = 6.0
    silent_after_seconds: Annotated[float, Field(ge=1, le=600)] = 30.0
    interpreters: tuple[Interpreter, ...] = ()
