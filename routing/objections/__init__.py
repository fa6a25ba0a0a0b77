"""Why an event cannot be: ``objection(event, board)``."""

from routing.objections import calls
from routing.objections.base import objection

__all__ = ["calls", "objection"]
