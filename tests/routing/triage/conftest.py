from __future__ import annotations

import pytest

from config.triage import english, lexicon, weights
from routing.triage import Triage


@pytest.fixture(scope="session")
def triage() -> Triage:
    return Triage(lexicon(), english(), weights())
