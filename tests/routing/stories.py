"""More stories for ``test_machine.py``, by other chance: ``python tests/routing/stories.py --seed 107``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from hypothesis import seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.routing.test_machine import Desk


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="other stories for every number")
    parser.add_argument("--stories", type=int, default=350)
    given = parser.parse_args()
    drawn = settings(Desk.TestCase.settings, derandomize=False, database=None, max_examples=given.stories)
    run_state_machine_as_test(seed(given.seed)(Desk), settings=drawn)
    print(f"{given.stories} stories of seed {given.seed}: every promise held")


if __name__ == "__main__":
    main()
