"""Draws facts from the journal: rows go in, one after another, facts come out. It needs neither the board nor the
configuration, so the same journal gives the same facts for ever. No I/O, no clock.

What each row means is in ``entries``; here is what they share.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.statistics.facts import Activity, Colleague, Fact, Handling, Matter, Outcome, Spell, Wait
from routing.model import Channel, PresenceState, Time
from routing.replacing import replace


@dataclass(slots=True)
class Changes:
    """What has changed since it was last written to disk. A matter that is None is closed."""

    facts: dict[str, Fact] = field(default_factory=dict)
    matters: dict[str, Matter | None] = field(default_factory=dict)
    colleagues: dict[str, Colleague | None] = field(default_factory=dict)


class Ledger:
    def __init__(self, matters: list[Matter] | None = None, colleagues: list[Colleague] | None = None) -> None:
        self.matters = {matter.reference: matter for matter in matters or ()}
        self.colleagues = {colleague.id: colleague for colleague in colleagues or ()}
        self.changes = Changes()

    def take_changes(self) -> Changes:
        changes, self.changes = self.changes, Changes()
        return changes

    # --- contacts ------------------------------------------------------------------------------------

    def opened(self, matter: Matter) -> Matter:
        self.matters[matter.reference] = matter
        return matter

    def closed(self, matter: Matter) -> None:
        del self.matters[matter.reference]
        self.changes.matters[matter.reference] = None

    # --- waits ---------------------------------------------------------------------------------------

    def arrives(self, m: Matter, at: Time, *, queued: bool = False) -> None:
        """A new call or message: the person wants an answer from now on."""
        m.heard = False
        self._wait_anew(m, at, m.channel, again=False, queued=queued)

    def begins_to_wait(self, m: Matter, at: Time) -> None:
        """From now on in the queue; whoever nobody has heard yet goes on with the wait they had."""
        if m.wait is None or (m.heard and not m.waits):
            self._wait_anew(m, at, Channel.VOICE if m.live else m.channel, again=True, queued=True)
        elif m.wait.outcome != "waiting":
            since = at if m.wait.began_at is None else m.wait.began_at
            self.put_wait(m, replace(m.wait, outcome="waiting", began_at=since, ended_at=None, queue=m.queue))

    def resumes(self, m: Matter) -> None:
        """Cut off, and back on the line with the place they had."""
        if m.wait is not None and not m.heard and not m.voicemail:
            outcome: Outcome = "arriving" if m.wait.began_at is None else "waiting"
            self.put_wait(m, replace(m.wait, outcome=outcome, ended_at=None))

    def wait_ends(self, m: Matter, at: Time, outcome: Outcome, handler: str = "") -> None:
        if m.wait is None or not m.waits:
            return
        if m.wait.outcome == "arriving" and outcome in ("abandoned", "ended"):
            outcome = "before_queue"
        centre = self.centre(handler)
        self.put_wait(m, replace(m.wait, outcome=outcome, ended_at=at, handler=handler, centre=centre))

    def put_wait(self, m: Matter, wait: Wait) -> None:
        m.wait = self.changes.facts[wait.id] = replace(wait, emergency=m.emergency)

    def _wait_anew(self, m: Matter, at: Time, channel: Channel, *, again: bool, queued: bool) -> None:
        outcome: Outcome = "waiting" if queued else "arriving"
        wait = Wait(self._id(m), m.reference, m.queue, channel, again, at, at if queued else None, outcome=outcome)
        self.put_wait(m, wait)

    def _id(self, m: Matter) -> str:
        """Never that of a fact from before the contact was opened again: it would take its place."""
        m.facts += 1
        return f"{m.reference}#{m.opened}.{m.facts}"

    # --- handlings -----------------------------------------------------------------------------------

    def takes(self, m: Matter, handler: str, at: Time, activity: Activity, channel: Channel) -> None:
        """The handler has it from now on, or helps with it; a wrap-up of an earlier talk in it is over."""
        self.finishes(m, handler, at)
        centre = self.centre(handler)
        handling = Handling(self._id(m), m.reference, m.queue, channel, activity, handler, centre, at)
        m.handlings.append(handling)
        self.changes.facts[handling.id] = handling

    def talk_ends(self, m: Matter, at: Time, *, wrap_up: bool) -> None:
        if m.talking is None:
            return
        self.hold_ends(m, at)
        self.put_handling(m, replace(m.talking, talked_until=at, ended_at=None if wrap_up else at))

    def hold_ends(self, m: Matter, at: Time) -> None:
        if m.held and m.talking:
            held = m.talking.hold_seconds + at - m.held_since
            self.put_handling(m, replace(m.talking, hold_seconds=held))
        m.held = []

    def finishes(self, m: Matter, handler: str, at: Time) -> None:
        """Everything that this handler still had in the contact is over."""
        if m.talking and m.talking.handler == handler:
            self.hold_ends(m, at)
        for handling in [h for h in m.handlings if h.handler == handler]:
            talked = at if handling.talked_until is None else handling.talked_until
            self.put_handling(m, replace(handling, talked_until=talked, ended_at=at))

    def guests_leave(self, m: Matter, handlers: set[str], at: Time) -> None:
        for handling in [h for h in m.handlings if h.activity == "assist" and h.handler in handlers]:
            self.put_handling(m, replace(handling, talked_until=at, ended_at=at))

    def put_handling(self, m: Matter, handling: Handling) -> None:
        self.changes.facts[handling.id] = handling
        others = [handling if h.id == handling.id else h for h in m.handlings]
        m.handlings = [h for h in others if h.ended_at is None]

    # --- calls ---------------------------------------------------------------------------------------

    def hangs_up(self, m: Matter, at: Time, outcome: Outcome) -> None:
        self.talk_ends(m, at, wrap_up=True)
        self.guests_leave(m, {h.handler for h in m.handlings}, at)
        self.wait_ends(m, at, outcome)
        m.live, m.control_room, m.passed_to, m.guests = False, False, "", {}

    def follow_up_over(self, m: Matter, follow_up: str) -> None:
        m.follow_ups.pop(follow_up, None)
        if m.callback == follow_up:
            m.callback = ""
        if m.due == follow_up:
            m.due, m.activity, m.activity_channel = "", "review", Channel.TEXT

    # --- colleagues ----------------------------------------------------------------------------------

    def centre(self, handler: str) -> str:
        return self.colleagues[handler].centre if handler in self.colleagues else ""

    def joins(self, handler: str, centre: str, at: Time, seq: int) -> None:
        """Who is present and moves to another centre is present there from now on."""
        colleague = self.colleagues.setdefault(handler, Colleague(handler))
        moved = colleague.spell if colleague.centre != centre else None
        colleague.centre = centre
        self.changes.colleagues[handler] = colleague
        if moved is not None:
            self.is_present(handler, PresenceState.OFFLINE, "", at, seq)
            self.is_present(handler, moved.state, moved.reason, at, seq)

    def is_present(self, handler: str, state: str, reason: str, at: Time, seq: int) -> None:
        colleague = self.colleagues.setdefault(handler, Colleague(handler))
        spell = colleague.spell
        if spell is not None and (spell.state, spell.reason) == (state, reason):
            return
        if spell is not None:
            self.changes.facts[spell.id] = replace(spell, ended_at=at)
        colleague.spell = None
        if state != PresenceState.OFFLINE:
            colleague.spell = Spell(f"{handler}@{seq}", handler, colleague.centre, state, reason, at)
            self.changes.facts[colleague.spell.id] = colleague.spell
        self.changes.colleagues[handler] = colleague

    def leaves(self, handler: str, at: Time, seq: int) -> None:
        self.is_present(handler, PresenceState.OFFLINE, "", at, seq)
        self.colleagues.pop(handler, None)
        self.changes.colleagues[handler] = None
