"""Whether the handlers we have can serve every queue, for ``contact-gateway check``; nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass

from config.settings import Settings
from gateway.store.database import open_engine, require_database
from gateway.store.errors import NoDatabase
from gateway.store.store import Store, StoreError
from routing.board import Board
from routing.coverage import waits_for_nobody, without_handlers
from routing.model import Handler
from routing.rules import Rules


@dataclass(frozen=True, slots=True)
class Found:
    """``known``: how many handlers there are, or why that is not known, in words; ``warnings``: in sentences."""

    known: str
    warnings: tuple[str, ...] = ()


async def look_at_handlers(settings: Settings) -> Found:
    """A database that is not there is not made."""
    store = Store(open_engine(settings.store))
    try:
        await require_database(store.engine)
        handlers = await store.handlers()
    except NoDatabase as error:
        return Found(f"not known: {error}")
    except StoreError as error:
        return Found(f"not known: the database cannot be read ({error})")
    finally:
        await store.close()
    return judged(settings, handlers)


def judged(settings: Settings, handlers: list[Handler]) -> Found:
    board = Board.rebuilt(Rules.of(settings), (), handlers, ())
    return Found(str(len(handlers)), (*without_handlers(board), *waits_for_nobody(board)))
