"""What a call process does by itself while nobody tells the call's story: the plan, and what follows from it."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator

from channels.voice.control import CallControl
from channels.voice.messages import Dial, Event, FallbackStarted, FallbackTarget, LegName, Plan, mesh
from channels.voice.mixer import Mixer

# Targets that refuse at once must not be dialled in a spin.
PAUSE_SECONDS = 1.0
# A caller whose line broke never says so. Long, because a phone that hides a silent caller may send nothing.
GHOST_SECONDS = 600.0
UNAVAILABLE = 503

# Longer than it takes to notice that the gateway hangs.
UNHEARD_SECONDS = 7.0
HUMANS: tuple[LegName, ...] = ("handler", "third", "control_room")
COLLEAGUES: tuple[LegName, ...] = ("handler", "third")


class Fallback:
    """``check`` is called a few times a second once the call has begun; ``end`` ends it with a SIP code.

    ``in_charge`` tells that a gateway has begun the call and is still there. ``patience``: how many seconds a
    caller who was not answered waits alone when there is no plan.
    """

    def __init__(
        self,
        control: CallControl,
        mixer: Mixer,
        patience: float,
        tell: Callable[[Event], None],
        end: Callable[[int], None],
    ) -> None:
        self.in_charge = False
        self._control = control
        self._mixer = mixer
        self._patience = patience
        self._tell = tell
        self._end = end
        self._plan: Plan | None = None
        self._targets: Iterator[FallbackTarget] = iter(())
        self._started = False
        self._alone_since = time.monotonic()
        self._not_before = -math.inf
        self._digits = ""
        self._pressed_at = -math.inf
        self._emergency = False

    def follow(self, plan: Plan) -> None:
        """Raises Refusal for a plan that could not be carried out."""
        self._control.check_plan(plan)
        self._plan = plan if plan.targets else None
        self._targets = itertools.cycle(plan.targets)

    def take_charge(self) -> None:
        self.in_charge = True
        self._started = self._emergency = False

    def pressed(self, digit: str) -> None:
        """The caller pressed a key; the emergency digits count when the second finds nobody in charge."""
        wanted = self._plan.emergency if self._plan else ""
        self._digits = (self._digits + digit)[-len(wanted) :] if wanted else ""
        if self._digits == wanted != "":
            self._digits = ""
            self._pressed_at = time.monotonic()
        self._note_emergency()

    def _note_emergency(self) -> None:
        """Also when the gateway went in the very moment: it may never have heard of the keys."""
        if not self.in_charge and time.monotonic() - self._pressed_at < UNHEARD_SECONDS:
            self._emergency = True

    def lose_charge(self, *, at_once: bool = False) -> None:
        """Nobody is in charge from now; with ``at_once`` the plan is due already."""
        self.in_charge = False
        self._alone_since = -math.inf if at_once else time.monotonic()
        self._note_emergency()
        for name in HUMANS:
            # Answered in the moment the gateway went: it may never have heard of it.
            if self._control.talking(name) and not self._mixer.heard(name):
                self.join(name)

    def alone_for(self) -> float:
        return 0.0 if self.in_charge else time.monotonic() - self._alone_since

    def check(self) -> None:
        caller = self._control.legs.get("caller")
        if self.in_charge or caller is None or not caller.alive:
            return
        if self._control.alive("control_room") or (self._in_company() and not self._emergency):
            return
        if self.alone_for() > GHOST_SECONDS and caller.silent_for() > GHOST_SECONDS:
            self._end(UNAVAILABLE)
        elif self._plan is not None:
            if caller.incoming or caller.state == "answered":
                self._carry_out(self._plan)
        elif caller.state != "answered" and self.alone_for() > self._patience:
            self._end(UNAVAILABLE)  # before the answer, the edge can still find them another place

    def _in_company(self) -> bool:
        """Whether somebody talks with the caller who can help them; an interpreter alone cannot."""
        return any(self._control.talking(name) and not self._control.legs[name].helps for name in COLLEAGUES)

    def join(self, name: LegName) -> None:
        """Somebody human has answered while nobody was in charge: the caller gets them now."""
        self._control.answer_if_ringing()
        self._mixer.stop_all()
        there = (leg for leg in HUMANS if self._control.talking(leg))
        self._mixer.bridge(mesh("caller", *there))

    def _carry_out(self, plan: Plan) -> None:
        """Dials the next target, in order and again and again."""
        now = time.monotonic()
        patient = self.alone_for() < plan.after_seconds and not self._emergency
        if patient or now < self._not_before:
            return
        self._not_before = now + PAUSE_SECONDS
        if not self._started:
            self._started = True
            self._tell(FallbackStarted(self._emergency))
            self._mixer.resume_recording()  # whoever paused it cannot be asked
            for name in COLLEAGUES:
                if self._control.alive(name) and not self._control.talking(name):
                    self._control.drop(name)
        target = next(self._targets)
        self._control.dial(Dial("control_room", target.uri, target.ring_seconds, plan.from_uri))
