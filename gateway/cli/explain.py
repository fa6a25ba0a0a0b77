"""``contact-gateway explain``: why this handler and not that one, why still waiting."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from config.settings import Settings
from gateway.api.explain import ExplanationOut
from gateway.cli.client import Client, connected
from gateway.cli.common import CONFIG, REASON, Failure, load_settings, run_plainly
from gateway.explain import NotExplained, local_times
from gateway.explain import explain as ask
from gateway.past import NotFollowed
from gateway.references import as_written
from gateway.store.database import open_engine, require_database
from gateway.store.store import Store
from routing.explain.facts import Explanation
from routing.rules import Rules

AT = "--at"
WHOLE_SECOND = 0.999_999
FIRST_YEAR, LAST_YEAR = 1971, 9998  # beyond them the clock is at its end in some zones


def _instant(text: str, zone: ZoneInfo) -> float:
    """The site's time, or with a time zone; the whole of the second counts, as the journal shows no less.

    Raises BadParameter.
    """
    now = time.time()
    try:
        clock = time_of_day.fromisoformat(text)
        given = latest(clock if clock.tzinfo else clock.replace(tzinfo=zone), now)
    except ValueError:
        given = _moment(text)
        given = given if given.tzinfo else given.replace(tzinfo=zone)
    if given.year < FIRST_YEAR:
        raise click.BadParameter(f"'{text}' lies before {FIRST_YEAR}.", param_hint=AT)
    if given.year > LAST_YEAR or given.timestamp() > now:
        raise click.BadParameter(f"'{text}' is in the future.", param_hint=AT)
    return given.timestamp() + (0.0 if given.microsecond else WHOLE_SECOND)


def latest(clock: time_of_day, now: float) -> datetime:
    """When it was this time last: what is still to come today was yesterday, as 23:59 asked for after midnight. Of a
    time that comes twice in a night the second, once it has come."""
    today = datetime.fromtimestamp(now, UTC).astimezone(clock.tzinfo).date()
    days = (today - timedelta(days=ago) for ago in (0, 1))
    moments = [datetime.combine(day, clock.replace(fold=fold)) for day in days for fold in (0, 1)]
    return max((moment for moment in moments if moment.timestamp() <= now), key=datetime.timestamp)


def _moment(text: str) -> datetime:
    """Raises BadParameter."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"'{text}' is no time: give 03:12, 03:12:40 or '2026-11-25 03:12:40'.", param_hint=AT
        ) from None


@click.command()
@click.argument("contact")
@click.option(
    AT,
    metavar="TIME",
    help="In the site's time: 03:12:40 (the last time it was that), or '2026-11-25 03:12:40', with '+00:00' or "
    "'+01:00' behind it in an hour that comes twice; else now.",
)
@REASON
@click.option("--json", "as_json", is_flag=True, help="The same as one JSON object.")
@CONFIG
def explain(contact: str, at: str | None, reason: str, as_json: bool, config: Path | None) -> None:
    """Say why CONTACT went to this handler and not to that one, or why it still waits, now or at any time.

    Answered from the journal alone. That you read it, and why, is journalled.

    \b
    Examples:
      contact-gateway explain K7M2-9QXR --reason "complaint 12/26"
      contact-gateway explain K7M2-9QXR --at 03:12:40 --reason "complaint 12/26"
      contact-gateway explain K7M2-9QXR --at "2026-11-25 03:12" --reason audit --json
    """
    settings = load_settings(config)
    contact, zone = as_written(contact), ZoneInfo(settings.statistics.time_zone)
    instant = time.time() if at is None else _instant(at, zone)
    told = run_plainly(lambda: _told(settings, contact, instant, reason))
    if as_json:
        click.echo(ExplanationOut.model_validate(told).model_dump_json())
    else:
        click.echo("\n".join(told.sentences))


async def _told(settings: Settings, contact: str, at: float, reason: str) -> Explanation:
    """Here and not in the gateway: that has callers to look after."""
    async with connected(settings) as client:
        await _on_record(client, contact, reason)
    store, bar = Store(open_engine(settings.store)), _Bar()
    try:
        await require_database(store.engine)
        with bar.shown:
            when = local_times(time.time(), ZoneInfo(settings.statistics.time_zone))
            return await ask(store, Rules.of(settings), contact, at, when, bar)
    except (NotExplained, NotFollowed) as error:
        raise Failure(str(error)) from None
    finally:
        await store.close()


async def _on_record(client: Client, contact: str, reason: str) -> None:
    """Reading a contact is journalled first."""
    await client.get(f"/contacts/{contact}", reason=reason)


class _Bar:
    """How far the journal has been followed; its length is known only on the way."""

    def __init__(self) -> None:
        self.shown: Any = click.progressbar(length=1, label="Following the journal", file=sys.stderr, show_pos=True)

    def __call__(self, done: int, of: int) -> None:
        self.shown.length = of
        self.shown.update(done - self.shown.pos)
