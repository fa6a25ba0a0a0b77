"""Asking for a follow-up that is due now, as a supervisor would at a desk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.sandbox.world import World
from routing.model import Channel

WINDOW = timedelta(hours=1)


async def ask_for_follow_up(world: World, reference: str, purpose: str) -> Any:
    """The follow-up as the API tells it; a call where we have a number, else an email. Raises ApiError."""
    contact = await world.store().contact(reference)
    by_email = contact is not None and contact.channel is Channel.EMAIL
    now = datetime.now(UTC)
    supervisor = await world.api("sam")
    return await supervisor.post(
        f"contacts/{reference}/follow-ups",
        {
            "channel": Channel.EMAIL if by_email else Channel.VOICE,
            "purpose": purpose,
            "not_before": now.isoformat(),
            "not_after": (now + WINDOW).isoformat(),
        },
    )
