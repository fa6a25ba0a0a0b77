"""The part of the configuration that routing decides by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.settings import FollowUps, Queue, Routing, Settings


@dataclass(frozen=True, slots=True)
class Rules:
    queues: Mapping[str, Queue]
    routing: Routing
    follow_ups: FollowUps

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        return cls({queue.id: queue for queue in settings.queues}, settings.routing, settings.follow_ups)
