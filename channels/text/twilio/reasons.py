"""Twilio's error codes in words that a handler can act on.

Source: https://www.twilio.com/docs/api/errors. The words never name a phone number or quote a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

WORDS: Mapping[str, str] = MappingProxyType(
    {
        # The request was refused; nothing was sent.
        "20003": "the carrier does not accept our account SID and auth token",
        "20404": "the carrier does not know it (any more)",
        "20429": "the carrier asks us to slow down",
        "21211": "the recipient is not a valid phone number",
        "21212": "our sending number is not a valid phone number",
        "21408": "our account may not send texts to the recipient's country",
        "21602": "the text is empty",
        "21604": "no recipient was given",
        "21606": "our sending number cannot send texts to this recipient",
        "21610": "the recipient has opted out by texting STOP; only they can opt in again, by texting START",
        "21611": "too many texts are already waiting to be sent from our number",
        "21612": "the carrier has no route from our number to the recipient",
        "21609": "our address for delivery reports is not valid",
        "21614": "the recipient's number cannot receive texts: it is not a mobile number",
        "21617": "the text is longer than 1,600 characters",
        "21619": "the text has neither words nor an attachment",
        "21620": "the link to an attachment is not valid",
        "21623": "there are more attachments than the carrier allows",
        "21635": "the recipient's number is a landline, which cannot receive texts",
        "21703": "our messaging service has no number to send from",
        # The text was accepted and then not delivered.
        "30001": "too many texts were waiting at the carrier, and this one was dropped",
        "30002": "our account at the carrier is suspended",
        "30003": "the recipient's phone is switched off or out of reach",
        "30004": "the recipient's phone or network blocks our texts",
        "30005": "the recipient's number is unknown or no longer in use",
        "30006": "the recipient's number is a landline or its network cannot be reached",
        "30007": "the text was filtered out as unwanted by the carrier or the recipient's network",
        "30008": "delivery failed and the recipient's network gave no reason",
        "30009": "a part of the text was lost on its way",
        "30010": "the text would have cost more than the highest price allowed",
        "30011": "the recipient's network does not take pictures from our number",
        "30022": "our number sent more texts than the network allows in a day",
        "30410": "the recipient's network did not answer in time",
        "11200": "the carrier could not fetch the picture from us",
        "11751": "the picture is larger than the carrier takes",
        "12300": "the carrier does not take files of this kind",
        # WhatsApp.
        "63003": "the recipient cannot be found on WhatsApp",
        "63007": "our number is not set up for WhatsApp at the carrier",
        "63016": "more than 24 hours have passed since they wrote on WhatsApp: only an approved template may be sent",
        "63019": "the carrier could not fetch the picture from us",
        "63018": "too many messages were sent to WhatsApp at once",
    }
)


def in_words(code: str) -> str:
    """What Twilio's error ``code`` means, or '' for a code that is not in the table."""
    return WORDS.get(code, "")
