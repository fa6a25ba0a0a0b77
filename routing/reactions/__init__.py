"""What each event calls for, beyond matching: ``react(event, board, now)``."""

from routing.reactions import calls
from routing.reactions.base import react

__all__ = ["calls", "react"]
