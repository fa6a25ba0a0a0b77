"""A gateway that runs is not held up by looking through all its objects again and again."""

from __future__ import annotations

import subprocess
import sys

LOOK = """
import gc
from gateway.interpreter import NEW_OBJECTS, settle
import gateway.app
settle()
print(gc.get_freeze_count() > 10_000, gc.get_threshold()[0] == NEW_OBJECTS, gc.isenabled())
"""


def test_what_is_built_is_not_looked_through_again_and_what_comes_later_still_is() -> None:
    said = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.split() == ["True", "True", "True"]
