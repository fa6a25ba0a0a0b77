"""The SIP edge, and the carriers whose calls come and go by it."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from config.section import Identifier, Port, Section, SipUri


class Login(Section):
    """What we show a carrier that asks who we are."""

    user: Annotated[str, Field(pattern=r"^[A-Za-z0-9+._-]+$")]
    password: SecretStr


class Registration(Login):
    """An account at a carrier that sends calls only to whoever has registered."""

    domain: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]
    seconds: Annotated[int, Field(ge=30, le=86400)]


class Trunk(Section):
    """One carrier: where calls to the public go out, and who may bring calls in.

    ``tls_name`` is what its certificate is for, '' when that is ``host``. ``login`` is shown when the
    carrier challenges a call; without it, that of the ``registration``.
    """

    name: Identifier
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]
    port: Port = 5060
    transport: Literal["udp", "tcp", "tls"] = "udp"
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    media: Literal["rtp", "srtp"] = "rtp"
    keys_in_clear: bool = False
    tls_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]*$")] = ""
    registration: Registration | None = None
    login: Login | None = None

    @field_validator("sources")
    @classmethod
    def _networks(cls, sources: tuple[str, ...]) -> tuple[str, ...]:
        for source in sources:
            try:
                ip_network(source)
            except ValueError as error:
                raise ValueError(f"must be IP addresses or networks: {error}") from None
        return sources

    @model_validator(mode="after")
    def _keys_are_hidden(self) -> Trunk:
        if self.media == "srtp" and self.transport != "tls" and not self.keys_in_clear:
            raise ValueError(
                f'trunk \'{self.name}\': media = "srtp" needs transport = "tls", or its keys can be read on the way; '
                "keys_in_clear = true says that this is known and wanted"
            )
        return self

    @property
    def uri(self) -> str:
        return f"sip:{self.host}:{self.port}" + ("" if self.transport == "udp" else f";transport={self.transport}")


class Edge(Section):
    """Kamailio, the SIP edge. TLS is off while ``tls_certificate`` is empty."""

    address: str
    port: Port
    domain: str
    rpc_socket: Path
    trunks: Annotated[tuple[Trunk, ...], Field(min_length=1)]
    trunk_check_seconds: Annotated[int, Field(ge=1, le=300)]
    tls_port: Port
    tls_certificate: str
    tls_key: str
    tls_ca: str
    relay_control_port: Port
    relay_port_base: Port
    relay_ports: Annotated[int, Field(ge=8, le=20000)]
    overflow_uri: SipUri
    phone_secret: SecretStr

    @field_validator("address")
    @classmethod
    def _one_address(cls, address: str) -> str:
        """Call processes take calls from this address alone."""
        try:
            usable = ip_address(address).version == 4 and not ip_address(address).is_unspecified
        except ValueError:
            usable = False
        if not usable:
            raise ValueError(f"must be one IPv4 address of this machine, such as 192.0.2.10, not '{address}'")
        return address

    @property
    def encrypting_trunks(self) -> tuple[Trunk, ...]:
        return tuple(trunk for trunk in self.trunks if trunk.media == "srtp")

    @property
    def trunk_sources(self) -> tuple[str, ...]:
        """Addresses and networks that may bring calls in."""
        return tuple(source for trunk in self.trunks for source in trunk.sources)

    def mistakes(self) -> Iterator[str]:
        """What does not agree."""
        yield from self._half_tls()
        yield from self._one_network_two_ways()

    def _half_tls(self) -> Iterator[str]:
        if bool(self.tls_certificate) != bool(self.tls_key):
            yield "edge.tls_key: belongs to edge.tls_certificate; set both, or neither"
        if not self.tls_certificate and any(trunk.transport == "tls" for trunk in self.trunks):
            yield "edge.tls_certificate: is missing, and a trunk uses tls; set it, or use udp or tcp"

    def _one_network_two_ways(self) -> Iterator[str]:
        """Whether a caller must be encrypted is known by the address alone."""
        plain = [(t.name, ip_network(s)) for t in self.trunks if t.media == "rtp" for s in t.sources]
        for trunk in self.encrypting_trunks:
            for source in trunk.sources:
                for name, network in plain:
                    if network.version == ip_network(source).version and network.overlaps(ip_network(source)):
                        yield (
                            f"edge.trunks[{trunk.name}].sources: {source} is also a source of '{name}', which does not "
                            "encrypt; give both the same media"
                        )
