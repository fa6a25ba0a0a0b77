"""The public, as the page and the command line play it: calls in, texts and emails in, and what came back."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from itertools import count

import aiohttp
import structlog

from config.numbers import WHATSAPP
from gateway.sandbox import demo, speech
from gateway.sandbox.client import ApiError
from gateway.sandbox.mail import SentMail
from gateway.sandbox.mail_answers import answer, report
from gateway.sandbox.neighbour import Neighbour
from gateway.sandbox.phone import Phone, PhoneError
from gateway.sandbox.twilio_rest import new_sid
from gateway.sandbox.world import World

log = structlog.get_logger()

LONGEST_CALL_SECONDS = 3600.0
MOST_CALLS_KEPT = 20
READY_SECONDS = 1.0
WITHHELD = "anonymous"
CARRIER_BUSY_SECONDS = 5.0
LATE_SECONDS = 20.0
CARRIER_REFUSES_TIMES = 3
LOOKS, LOOK_SECONDS = 50, 0.1
SWITCHED_OFF = 30003  # Twilio's code for a telephone that cannot be reached
CONFLICT = 409
MAIL_FROM = "somebody@sender.invalid"


class NoSuchCall(LookupError):
    """There is no call with this number, or it is over."""


@dataclass(frozen=True, slots=True)
class Script:
    """What a caller does once somebody or something has answered.

    They say ``says`` again and again, press ``digits`` ``digits_after`` seconds after the answer, and hang up
    after ``seconds``; None stays until somebody hangs up.
    """

    says: str = demo.CALLER_SAYS
    digits: str = ""
    digits_after: float = 2.0
    seconds: float | None = None


class OutsideCall:
    """One call of the public. Its telephone ends with it; what happened is kept."""

    def __init__(self, name: str, number: str, to: str, phone: Phone, script: Script) -> None:
        self.id, self.number, self.to, self.phone, self.script = name, number, to, phone, script
        self.begun_at = time.time()
        self.pressed: list[tuple[float, str]] = []
        self.withheld = number == WITHHELD
        self._playing: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        return self._playing is not None and self._playing.done()

    def start(self, uri: str) -> None:
        self._playing = asyncio.create_task(self._play(uri), name=f"caller {self.id}")

    async def press(self, digits: str) -> None:
        """Raises NoSuchCall."""
        try:
            await self.phone.digits(digits)
        except PhoneError as error:
            raise NoSuchCall(str(error)) from error
        self.pressed.append((time.time(), digits))

    async def hang_up(self) -> None:
        """Raises NoSuchCall."""
        try:
            await self.phone.hang_up()
        except PhoneError as error:
            raise NoSuchCall(str(error)) from error

    async def stop(self) -> None:
        if self._playing is not None:
            self._playing.cancel()
            with suppress(asyncio.CancelledError):
                await self._playing

    async def _play(self, uri: str) -> None:
        """From the first ring to the last: whatever happens, the telephone is put away."""
        try:
            await self.phone.call(uri)
            if await self._answered():
                await self._perform()
            await self.phone.wait_for("idle", LONGEST_CALL_SECONDS)
        except (PhoneError, TimeoutError) as error:
            log.warning("caller_gave_up", call=self.id, why=str(error))
        finally:
            await self.phone.stop()

    async def _answered(self) -> bool:
        talking = asyncio.create_task(self.phone.wait_for("talking", LONGEST_CALL_SECONDS))
        over = asyncio.create_task(self.phone.wait_for("idle", LONGEST_CALL_SECONDS))
        done, waiting = await asyncio.wait((talking, over), return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        for task in done:
            task.result()
        return talking in done

    async def _perform(self) -> None:
        script, answered_at = self.script, time.monotonic()
        if script.digits and await self._still_there_after(script.digits_after):
            await self.press(script.digits)
        if script.seconds is None:
            return
        if await self._still_there_after(max(0.0, answered_at + script.seconds - time.monotonic())):
            await self.hang_up()

    async def _still_there_after(self, seconds: float) -> bool:
        try:
            await self.phone.wait_for("idle", seconds)
        except TimeoutError:
            return True
        return False


class Outside:
    """Everything that the public does; ended with ``stop()``."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.calls: dict[str, OutsideCall] = {}
        self._numbers = count(1)
        self._asked_at, self._trouble = -math.inf, ""

    async def gateway_trouble(self) -> str:
        """'' when the gateway is ready; asked once a second at most, however many look."""
        now = time.monotonic()
        if now - self._asked_at > READY_SECONDS:
            self._asked_at = now
            gateway = self.world.gateway
            self._trouble = await gateway.readiness() if gateway.running else "it is stopped"
        return self._trouble

    async def call(self, number: str, to: str, script: Script, *, srtp: bool = False) -> OutsideCall:
        """A new caller, with ``srtp`` by the trunk that encrypts. Raises PhoneError, PromptError."""
        prompts = self.world.settings.prompts
        voice = await speech.spoken(script.says, prompts, speech.CACHE)
        phone = await self.world.caller(number, to="", srtp=srtp, voice_wav=voice)
        call = OutsideCall(str(next(self._numbers)), number, to, phone, script)
        self.calls[call.id] = call
        call.start(self.world.line(to))
        self._forget_old()
        return call

    def find(self, call: str) -> OutsideCall:
        """Raises NoSuchCall."""
        if call not in self.calls:
            raise NoSuchCall(f"there is no call {call}")
        return self.calls[call]

    async def text(
        self, sender: str, body: str, to: str = "", *, media: Sequence[tuple[str, bytes]] = (), times: int = 1
    ) -> tuple[int, str]:
        """Somebody sends a text, by the carrier of our number, which brings it ``times`` times; the webhook's last HTTP
        status, and the carrier's id of the text. ``media`` holds (content type, bytes) pairs."""
        ours = to or self.world.settings.text.numbers[0].number
        service = WHATSAPP if sender.startswith(WHATSAPP) else ""
        carrier = self.world.carrier_of(ours)
        status = await carrier.text_in(sender, f"{service}{ours}", body, media)
        came = next(m.sid for m in reversed(carrier.messages) if m.direction == "inbound" and m.sender == sender)
        for _ in range(times - 1):
            status = await carrier.text_in(sender, f"{service}{ours}", body, media, came)
        return status, came

    async def forged_text(self, sender: str, body: str, to: str = "") -> int:
        """Somebody who is no carrier posts a text, with a signature that they made up; the webhook's HTTP status."""
        ours = to or self.world.settings.text.numbers[0].number
        headers = {"X-Twilio-Signature": "forged", "X-Signature": "forged", "X-Timestamp": str(int(time.time()))}
        form = {"From": sender, "To": ours, "Body": body, "MessageSid": new_sid("SM")}
        url = self.world.carrier_of(ours).webhook_url
        async with aiohttp.ClientSession() as web, web.post(url, data=form, headers=headers) as answer:
            return answer.status

    def trouble_the_carrier(self, manner: str, code: int) -> str:
        """Of the first carrier, for the next text that we send; what was done, in a sentence."""
        carrier = self.world.carrier
        if manner == "busy":
            carrier.fail_next(429, 20429, retry_after=CARRIER_BUSY_SECONDS)
            return f"The carrier asks us to wait for {CARRIER_BUSY_SECONDS:g} s at the next text that we send."
        if manner == "refuses":
            carrier.fail_next(401, 20003, times=CARRIER_REFUSES_TIMES)
            return f"The carrier does not accept our credentials at the next {CARRIER_REFUSES_TIMES} tries to send."
        if manner == "late":
            carrier.delay_delivery_next(LATE_SECONDS)
            return f"The carrier keeps the next text that we send for {LATE_SECONDS:g} s, and tells us as late."
        carrier.fail_delivery_next(code)
        return f"The carrier takes the next text that we send, and cannot deliver it (code {code})."

    async def mail(self, raw: bytes, to: Sequence[str] = (), sender: str = MAIL_FROM) -> None:
        """A message as it is comes to these mailboxes of ours; to the first if none is given."""
        await self._delivered(raw, to, sender)

    async def neighbour(self, page: str) -> str:
        """From now on our mail reaches the mailboxes of the sandbox with this page; what was done, in a sentence.
        Raises ApiError."""
        try:
            other = await Neighbour.at(page)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ApiError(CONFLICT, f"the sandbox at {page} does not answer ({type(error).__name__})") from error
        if both := other.addresses & set(self._mailboxes()):
            same = ", ".join(sorted(both))
            raise ApiError(CONFLICT, f"both have {same}: start one of them with --mail-domain north.invalid")

        async def pass_on(mail: SentMail, recipient: str) -> None:
            if recipient.lower() in other.addresses:
                await other.take(mail, recipient)

        self.world.smtp.passes_on = pass_on
        return f"What {self._mailboxes()[0].partition('@')[2]} sends to {', '.join(sorted(other.addresses))} arrives."

    async def email(self, sender: str, subject: str, body: str, answers: str = "", to: Sequence[str] = ()) -> str:
        """Somebody writes to our mailboxes, and its Message-ID; ``answers`` is that of what they answer."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = sender, ", ".join(self._mailboxes(to)), subject
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain="sender.invalid")
        if answers:
            mail["In-Reply-To"] = mail["References"] = answers
        mail.set_content(body)
        await self._delivered(mail.as_bytes(), to, sender)
        return str(mail["Message-ID"])

    async def became(self, **message: str) -> str:
        """What the gateway made of the message with this ``provider_id`` or ``header_id``, in a sentence; '' when it
        has nothing of it within seconds."""
        for _ in range(LOOKS):
            if taken := await self.world.store().message_by(**message):
                where = f"is in contact {taken.reference}" if taken.reference else f"was set aside: {taken.problems}"
                return f"It {where}."
            await asyncio.sleep(LOOK_SECONDS)
        return ""

    async def answer(self, reference: str, body: str, sender: str, like: str) -> None:
        """The person, or ``sender``, answers our last mail in this contact. Raises ApiError."""
        sent = self._last_mail(reference)
        whose = sender or sent.recipients[0]
        await self._delivered(answer(sent, whose, body, like), [sent.sender], whose)

    async def report(self, reference: str, what: str) -> None:
        """A machine says what became of our last mail in this contact. Raises ApiError."""
        sent = self._last_mail(reference)
        await self._delivered(report(sent, what), [sent.sender], "")

    def _last_mail(self, reference: str) -> SentMail:
        ours = [sent for sent in self.world.smtp.messages if f"[{reference}." in sent.message["Subject"]]
        if not ours:
            raise ApiError(CONFLICT, f"no mail has left us in {reference}")
        return ours[-1]

    def _mailboxes(self, to: Sequence[str] = ()) -> Sequence[str]:
        """Those given, or the first. Raises ApiError."""
        ours = [mailbox.address for mailbox in self.world.settings.email.mailboxes]
        if unknown := set(to) - set(ours):
            raise ApiError(CONFLICT, f"{', '.join(sorted(unknown))} is no mailbox of ours; there are {', '.join(ours)}")
        return to or ours[:1]

    async def _delivered(self, raw: bytes, to: Sequence[str], sender: str) -> None:
        for address in self._mailboxes(to):
            try:
                await self.world.dovecot.deliver(raw, address, sender)
            except OSError as error:  # smtplib's errors are among these
                raise ApiError(CONFLICT, f"our mail server does not take it now ({type(error).__name__})") from error

    async def stop(self) -> None:
        for call in self.calls.values():
            await call.stop()

    def _forget_old(self) -> None:
        over = [call.id for call in self.calls.values() if call.over]
        for call in over[: max(0, len(self.calls) - MOST_CALLS_KEPT)]:
            del self.calls[call]
