"""What each event and each command changes on the board: ``apply(change, board, now)``. Nothing is decided here."""

from routing.apply import calls, follow_ups, handlers, messages, offers, overflow, parties
from routing.apply.base import apply

__all__ = ["apply", "calls", "follow_ups", "handlers", "messages", "offers", "overflow", "parties"]
