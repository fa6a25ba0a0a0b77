"""Does a text, an email or a voicemail's transcript sound like an emergency? Pure; docs/triage.md explains it.

It only ever raises. What it says nothing of stays as it was, and a person decides.
"""

from routing.triage.finding import Finding, Found, Reason
from routing.triage.judge import Triage

__all__ = ["Finding", "Found", "Reason", "Triage"]
