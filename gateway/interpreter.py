"""How Python is set for a process that lives long and must not pause."""

from __future__ import annotations

import gc
import sys

# A thread that wants to go on (it has read or written a row) asks for its turn this often; 5 ms is the default, and a
# transaction of many rows waits for each of them while the event loop is busy.
SWITCH_SECONDS = 0.0005
# By default every 700 new objects are looked through for cycles, and now and then all there are: with tens of thousands
# of contacts that stops everything for a tenth of a second.
NEW_OBJECTS, YOUNG, MIDDLE = 20_000, 20, 50


def settle() -> None:
    """To be called once, when everything is built: what there is now stays, and is not looked through again."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, YOUNG, MIDDLE)
