"""What every channel is: the protocol the gateway drives it through, and the error tree.

ChannelError
├── Unreachable    the peer did not answer or the link broke; trying again can help
│   ├── Deferred   the peer is there and said "later"; trying again can help for days
│   ├── Throttled  the peer asked us to slow down; try again after ``retry_after`` seconds
│   └── NotLetIn   the peer does not accept our sign-in or account; helps again once a person has mended that
├── Refused        the peer understood and said no; trying again cannot help
└── NotGenuine     what arrived does not prove where it came from; nothing is created from it
"""

from __future__ import annotations

from typing import Protocol


class ChannelError(Exception):
    """Something went wrong between us and the outside.

    ``retry`` says whether the same attempt can succeed later; ``code`` is the peer's own code, if any.
    """

    retry = False

    def __init__(self, why: str, *, code: str = "") -> None:
        super().__init__(why)
        self.code = code


class Unreachable(ChannelError):
    retry = True


class Deferred(Unreachable):
    """``alone``: said of this message, or of whom it is for, and not of everything that goes there."""

    def __init__(self, why: str, *, code: str = "", alone: bool) -> None:
        super().__init__(why, code=code)
        self.alone = alone


class Throttled(Unreachable):
    def __init__(self, why: str, *, code: str = "", retry_after: float) -> None:
        super().__init__(why, code=code)
        self.retry_after = retry_after


class NotLetIn(Unreachable):
    pass


class Refused(ChannelError):
    pass


class NotGenuine(ChannelError):
    pass


class Channel(Protocol):
    """A channel is started after the store and stopped before it.

    ``run`` works until it is cancelled and reconnects by itself; ``healthy`` tells ``/readyz`` what is wrong
    now, in words for a person, or returns '' when nothing is.
    """

    name: str

    async def run(self) -> None: ...

    def healthy(self) -> str: ...
