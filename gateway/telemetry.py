"""What the gateway says of itself: figures for Prometheus and log lines in JSON. Neither names a person."""

from __future__ import annotations

import logging
import sys
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from channels.log_lines import LogLines
from gateway.clock import Clock
from gateway.dispatcher import Committed
from gateway.statistics.figures import Figures
from gateway.store.journal import Row
from routing.board import Board
from routing.model import Doing, PresenceState

LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5)
COMMIT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
# The bands that contact centres report by (10 s, 30 s, 60 s), and those of messages behind them.
ANSWER_BUCKETS = (1, 5, 10, 20, 30, 60, 120, 300, 900, 3600, 14400, 43200)

TODAY = {
    "offered": "People offered to the queue",
    "answered": "People answered",
    "answered_in_target": "People answered within the queue's target",
    "control_room": "People whom the control room answered before a handler",
    "control_room_in_target": "People whom the control room answered within the queue's target",
    "waiting_past_target": "People who wait still, for longer than the queue's target",
    "service_level_offered": "People whom the service level is of",
    "abandoned": "People who hung up after the queue's threshold",
}

# A second line of defence: no log line is meant to carry these.
PRIVATE = frozenset(
    {"body", "html", "text", "subject", "notes", "number", "address", "party", "sender", "recipient", "caller"}
    | {"password", "token", "cookie", "secret", "auth_token", "csrf", "authorization"}
)


class Telemetry:
    """Counts what was committed, and reads the board when the figures are asked for.

    ``outbox_open`` is how many messages wait to be sent, ``calls`` how many callers are on the line, ``today`` each
    queue's figures since midnight.
    """

    def __init__(
        self,
        board: Callable[[], Board],
        clock: Clock,
        outbox_open: Callable[[], int],
        calls: Callable[[], int],
        today: Callable[[], Mapping[str, Figures]] = dict,
    ) -> None:
        self._board, self._clock = board, clock
        self._registry = CollectorRegistry()
        self._registry.register(_Now(board, clock, outbox_open, calls))
        self._registry.register(_Today(today))
        self._events = self._counter("events", "Journal rows written", "kind")
        self._contacts = self._counter("contacts", "New contacts", "channel")
        self._offers = self._counter("offers", "Offers by how they ended", "outcome")
        self._alarms = self._counter("alarms", "Alarms raised", "what")
        self._commits = Histogram(
            "gateway_commit_seconds",
            "From taking an event to having it on disk",
            buckets=COMMIT_BUCKETS,
            registry=self._registry,
        )
        self._lag = Histogram(
            "gateway_loop_lag_seconds",
            "How late the event loop comes to what is due now",
            buckets=LAG_BUCKETS,
            registry=self._registry,
        )
        self._answers = Histogram(
            "gateway_answer_seconds",
            "From the beginning of the wait (a call's: in the queue) to a handler's first answer",
            ["channel"],
            buckets=ANSWER_BUCKETS,
            registry=self._registry,
        )

    def committed(self, committed: Committed) -> None:
        """Called after each commit; does not block."""
        if committed.rows:
            self._commits.observe(max(0.0, self._clock() - committed.rows[0].at))
        for kind, count in Tally(row.kind for row in committed.rows).items():
            self._events.labels(kind).inc(count)
        for row in committed.rows:
            self._count(row)

    def loop_was_late(self, seconds: float) -> None:
        """One look at the event loop."""
        self._lag.observe(seconds)

    def exposition(self) -> bytes:
        """The figures in Prometheus's text format, version 0.0.4."""
        return generate_latest(self._registry)

    def _counter(self, name: str, what: str, label: str) -> Counter:
        return Counter(f"gateway_{name}", what, [label], registry=self._registry)

    def _count(self, row: Row) -> None:
        match row.kind:
            case "CallArrived" | "MessageArrived":
                self._count_arrival(row)
            case "OfferAccepted":
                self._offers.labels("accepted").inc()
                self._observe_answer(row)
            case "EndOffer":
                self._offers.labels(orjson.loads(row.document)["how"]).inc()
            case "RaiseAlarm":
                self._alarms.labels(orjson.loads(row.document)["what"]).inc()

    def _count_arrival(self, row: Row) -> None:
        """A message that an open contact took is not a new contact."""
        document = orjson.loads(row.document)
        if document["reference"] == row.reference:
            self._contacts.labels(document.get("channel", "voice")).inc()

    def _observe_answer(self, row: Row) -> None:
        contact = self._board().open_contact(row.reference)
        if contact is not None and contact.answered_at == row.at:
            waited = max(0.0, row.at - contact.wait_began_at)
            self._answers.labels(contact.channel.value).observe(waited)


class _Now(Collector):
    """The gauges: how things stand at this moment."""

    def __init__(
        self, board: Callable[[], Board], clock: Clock, outbox_open: Callable[[], int], calls: Callable[[], int]
    ) -> None:
        self._board, self._clock, self._outbox_open, self._calls = board, clock, outbox_open, calls

    def collect(self) -> Iterator[GaugeMetricFamily]:
        board = self._board()
        tally = Tally(c.queue for c in board.contacts.values() if c.waiting)
        waiting = {queue: tally[queue] for queue in board.rules.queues}
        yield _gauge("waiting", "Contacts that wait for a handler", "queue", waiting)
        longest = dict.fromkeys(board.rules.queues, 0.0)
        for contact in board.contacts.values():
            if contact.waiting:
                longest[contact.queue] = max(longest[contact.queue], self._clock() - contact.wait_began_at)
        yield _gauge("longest_wait_seconds", "How long the first in line has waited", "queue", longest)
        present = [h for h in board.handlers.values() if h.presence.state is not PresenceState.OFFLINE]
        doing = Tally(board.doing(h.id) for h in present)
        yield _gauge("handlers", "Handlers signed in, by what they do", "doing", {d.value: doing[d] for d in Doing})
        yield GaugeMetricFamily("gateway_outbox_open", "Messages not yet confirmed sent", value=self._outbox_open())
        yield GaugeMetricFamily("gateway_calls", "Callers on the line", value=self._calls())


class _Today(Collector):
    """Each queue since the site's midnight, as docs/statistics.md defines it. It begins at 0 again every night."""

    def __init__(self, today: Callable[[], Mapping[str, Figures]]) -> None:
        self._today = today

    def collect(self) -> Iterator[GaugeMetricFamily]:
        today = self._today()
        for name, what in TODAY.items():
            values = {queue: getattr(figures, name) for queue, figures in today.items()}
            yield _gauge(f"today_{name}", f"{what}, since midnight", "queue", values)


def _gauge(name: str, what: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"gateway_{name}", what, labels=[label])
    for key, value in values.items():
        gauge.add_metric([key], value)
    return gauge


def configure_logs(level: str) -> None:
    """One JSON object a line on standard error; ``level`` is debug, info, warning or error.

    What is bound with ``structlog.contextvars.bound_contextvars(contact=reference)`` stands in every line.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    json_lines = structlog.processors.JSONRenderer(ensure_ascii=False)
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, json_lines],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=LogLines(sys.stderr),
    )
    libraries = logging.StreamHandler(sys.stderr)
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, json_lines],
        )
    )
    logging.basicConfig(handlers=[libraries], level=max(threshold, logging.WARNING), force=True)


def redact(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop what names or belongs to a person, at any depth."""
    return {key: _redacted(value) for key, value in line.items() if key.lower() not in PRIVATE}


def _redacted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _redacted(v) for k, v in value.items() if str(k).lower() not in PRIVATE}
    return [_redacted(v) for v in value] if isinstance(value, list | tuple) else value
