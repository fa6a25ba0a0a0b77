"""How the two sides of an HTTP interface prove themselves: a secret in a header, a password, or a signature.

One description (``config.carriers.Proof``) serves both ways: our requests to the carrier and its webhooks to us.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from string import Formatter

from channels.base import NotGenuine
from channels.text.answers import basic
from channels.text.port import OutOfTime, Webhook
from config.carriers import HmacProof, Proof


def headers(proof: Proof, url: str, body: bytes, now: float) -> dict[str, str]:
    """What goes with a request of ours."""
    if proof.header:
        return {proof.header.name: proof.header.value.get_secret_value()}
    if proof.basic:
        return basic(proof.basic.user, proof.basic.password.get_secret_value())
    assert proof.hmac
    timestamp = str(int(now))
    signature = {proof.hmac.header: _signature(proof.hmac, timestamp, url, body)}
    return signature | ({proof.hmac.timestamp_header: timestamp} if proof.hmac.timestamp_header else {})


def prove(proof: Proof, webhook: Webhook, now: float, window_seconds: float) -> None:
    """Raises NotGenuine unless the webhook proves that the carrier posted it, within so many seconds of ``now``."""
    if not proof.secret:
        raise NotGenuine("no secret is configured, so no webhook can be proved genuine")
    if proof.hmac:
        _prove_signature(proof.hmac, webhook, now, window_seconds)
        return
    for name, value in headers(proof, webhook.url, webhook.body, now).items():
        if not _same(webhook.headers.get(name, ""), value):
            raise NotGenuine(f"the {name} header is missing or wrong")


def _prove_signature(proof: HmacProof, webhook: Webhook, now: float, window_seconds: float) -> None:
    timestamp = webhook.headers.get(proof.timestamp_header, "") if proof.timestamp_header else ""
    if not _same(webhook.headers.get(proof.header, ""), _signature(proof, timestamp, webhook.url, webhook.body)):
        raise NotGenuine(f"the {proof.header} header is missing or does not match what was posted")
    if proof.timestamp_header and not (timestamp.isdecimal() and abs(now - int(timestamp)) <= window_seconds):
        raise OutOfTime(
            f"the {proof.timestamp_header} header is no time of now: a replay, or one of our clocks is wrong"
        )


def _signature(proof: HmacProof, timestamp: str, url: str, body: bytes) -> str:
    values = {"timestamp": timestamp.encode(errors="replace"), "url": url.encode(errors="replace"), "body": body}
    signed = b"".join(
        literal.encode() + (values[name] if name else b"") for literal, name, _, _ in Formatter().parse(proof.signed)
    )
    digest = hmac.new(proof.secret.get_secret_value().encode(), signed, getattr(hashlib, proof.algorithm)).digest()
    return proof.prefix + (digest.hex() if proof.encoding == "hex" else base64.b64encode(digest).decode())


def _same(given: str, expected: str) -> bool:
    """Compared as bytes: a header may hold what str comparison refuses."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())
