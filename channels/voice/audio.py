"""The audio matrix: who hears whom, wanted by name, and made so among the ports that live now."""

from __future__ import annotations

from typing import Any

Link = tuple[str, str]


class Matrix:
    """``want`` holds (source, sink) names. ``plug`` and ``unplug`` tell which ports live; ``wire`` does the rest.

    A port that has gone has lost its links by itself, and stopping one of them would deafen others
    (pjproject #4198, #4719): so a link is stopped only while both its ends live.
    """

    def __init__(self) -> None:
        self.want: set[Link] = set()
        self._ports: dict[str, tuple[Any, int]] = {}
        self._made: set[Link] = set()

    def plug(self, name: str, media: Any, slot: int) -> None:
        """The port of this name is at ``slot`` now. The same slot may be a new port with no links."""
        old = self._ports.get(name)
        self._ports[name] = (media, slot)
        if old is None or old[1] != slot:
            self._forget(name)
        else:
            for source, sink in self._links_of(name):
                self._ports[source][0].startTransmit(self._ports[sink][0])

    def unplug(self, name: str) -> None:
        """The port of this name has gone."""
        self._ports.pop(name, None)
        self._forget(name)

    def rename(self, old: str, new: str) -> None:
        """The port and its links go by another name from now on."""
        self._ports[new] = self._ports.pop(old)
        self._made = {(new if a == old else a, new if b == old else b) for a, b in self._made}

    def wire(self) -> None:
        """Makes the difference between what is wanted and what is; takes effect at the next 20 ms tick."""
        possible = {link for link in self.want if link[0] in self._ports and link[1] in self._ports}
        for source, sink in self._made - possible:
            self._made.discard((source, sink))
            self._ports[source][0].stopTransmit(self._ports[sink][0])
        for source, sink in possible - self._made:
            self._ports[source][0].startTransmit(self._ports[sink][0])
            self._made.add((source, sink))

    def _links_of(self, name: str) -> set[Link]:
        return {link for link in self._made if name in link}

    def _forget(self, name: str) -> None:
        self._made -= self._links_of(name)
