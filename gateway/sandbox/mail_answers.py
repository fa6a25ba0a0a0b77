"""What people and machines outside answer to a mail of ours, each as their mail program or server writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.message import EmailMessage
from email.utils import format_datetime, formatdate, localtime, make_msgid

from gateway.sandbox.mail import SentMail

THEIRS = "sender.invalid"
BOUNDARY = "part-of-the-report"


def answer(sent: SentMail, sender: str, body: str, like: str) -> bytes:
    """An answer to it, by ``sender``, whoever that is; ``like``: one of LIKE."""
    return LIKE[like](sent.message, sender, body).as_bytes()


def report(sent: SentMail, what: str) -> bytes:
    """What a machine says of it; ``what``: one of REPORTS."""
    return REPORTS[what](sent.message, sent.recipients[0]).as_bytes()


# --- people ------------------------------------------------------------------------------------------------


def _gmail(ours: EmailMessage, sender: str, body: str) -> EmailMessage:
    """With all identifiers; the line above the quotation is broken."""
    mail = _mail(sender, str(ours["From"]), f"Re: {ours['Subject']}")
    mail["In-Reply-To"] = ours["Message-ID"]
    mail["References"] = f"{ours['References'] or ''} {ours['Message-ID']}".strip()
    quoted = "\n".join(f"> {line}" for line in _text(ours).splitlines())
    mail.set_content(
        f"{body}\n\nOn {format_datetime(localtime())} Contact centre\n<{_address(ours)}> wrote:\n\n{quoted}\n"
    )
    return mail


def _outlook(ours: EmailMessage, sender: str, body: str) -> EmailMessage:
    """Without any identifier of ours, as Outlook's mail often comes through a company's servers."""
    mail = _mail(sender, str(ours["From"]), f"RE: {ours['Subject']}")
    mail["Thread-Topic"] = ours["Subject"]
    mail["Thread-Index"] = "AdqwZ0xhvJ3pT0vJQ2uG3m1Fh8K3Kg=="
    headers = f"From: {ours['From']}\nSent: {ours['Date']}\nTo: {ours['To']}\nSubject: {ours['Subject']}"
    mail.set_content(f"{body}\n\n{'_' * 32}\n{headers}\n\n{_text(ours)}\n")
    return mail


LIKE: Mapping[str, Callable[[EmailMessage, str, str], EmailMessage]] = {"gmail": _gmail, "outlook": _outlook}


# --- machines ----------------------------------------------------------------------------------------------


def _undelivered(action: str, status: str, diagnostic: str) -> Callable[[EmailMessage, str], EmailMessage]:
    """RFC 3464."""

    def write(ours: EmailMessage, recipient: str) -> EmailMessage:
        mail = _mail(f"MAILER-DAEMON@{THEIRS}", _address(ours), f"Delivery report: {action}")
        fields = f"Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n"
        about = f"Reporting-MTA: dns; mx.{THEIRS}\n\n{fields}Diagnostic-Code: smtp; {diagnostic}\n"
        return _reported(mail, "delivery-status", f"Your message to {recipient} is {action}.", about, ours)

    return write


def _read(ours: EmailMessage, recipient: str) -> EmailMessage:
    """RFC 8098."""
    mail = _mail(recipient, _address(ours), f"Read: {ours['Subject']}")
    mail["Auto-Submitted"] = "auto-replied"
    fields = f"Final-Recipient: rfc822; {recipient}\nOriginal-Message-ID: {ours['Message-ID']}\n"
    about = f"{fields}Disposition: manual-action/MDN-sent-manually; displayed\n"
    return _reported(mail, "disposition-notification", "Your message was displayed.", about, ours)


def _absent(ours: EmailMessage, recipient: str) -> EmailMessage:
    """RFC 3834."""
    mail = _mail(recipient, _address(ours), f"Automatic reply: {ours['Subject']}")
    mail["Auto-Submitted"] = "auto-replied"
    mail["In-Reply-To"] = mail["References"] = ours["Message-ID"]
    mail.set_content("I am away until Monday.")
    return mail


REPORTS: Mapping[str, Callable[[EmailMessage, str], EmailMessage]] = {
    "failed": _undelivered("failed", "5.1.1", "550 5.1.1 no such mailbox here"),
    "delayed": _undelivered("delayed", "4.4.1", "421 4.4.1 no answer from the server"),
    "delivered": _undelivered("delivered", "2.0.0", "250 2.0.0 delivered"),
    "read": _read,
    "absent": _absent,
}


def _reported(mail: EmailMessage, kind: str, words: str, about: str, ours: EmailMessage) -> EmailMessage:
    """multipart/report (RFC 6522): words for people, fields for machines, and whose headers it is about."""
    headers = f"Message-ID: {ours['Message-ID']}\nSubject: {ours['Subject']}\n"
    parts = {"text/plain": words, f"message/{kind}": about, "text/rfc822-headers": headers}
    written = "".join(f"--{BOUNDARY}\nContent-Type: {of}\n\n{part}\n" for of, part in parts.items())
    mail["MIME-Version"] = "1.0"
    mail["Content-Type"] = f'multipart/report; report-type={kind}; boundary="{BOUNDARY}"'
    mail.set_payload(f"{written}--{BOUNDARY}--\n")
    return mail


def _mail(sender: str, to: str, subject: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=THEIRS)
    return mail


def _address(ours: EmailMessage) -> str:
    return str(ours["From"].addresses[0].addr_spec)


def _text(ours: EmailMessage) -> str:
    return str(ours.get_content()).strip()
