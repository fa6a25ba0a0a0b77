"""The parts of one call's story that several of its chapters work with."""

from __future__ import annotations

from dataclasses import dataclass

from channels.voice.control_room import ControlRoomLeg
from channels.voice.handler_leg import HandlerLeg
from channels.voice.keeping import Keeping
from channels.voice.reception import Reception
from channels.voice.scene import Scene
from channels.voice.supervision import SupervisorLeg
from channels.voice.third_party import ThirdParty


@dataclass(frozen=True, slots=True)
class Parts:
    scene: Scene
    handler: HandlerLeg
    third: ThirdParty
    supervision: SupervisorLeg
    control_room: ControlRoomLeg
    keeping: Keeping
    reception: Reception
