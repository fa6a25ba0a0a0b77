"""What the forkserver loads once, so that every call process shares its memory and starts in milliseconds.

Only the forkserver imports this module.
"""

import gc
from pathlib import Path

import channels.voice.agent  # noqa: F401
from channels.voice import engine, messages, pjmedia, process, sip
from channels.voice.slot import SLOT, Slot

# Python makes itself shortcuts (bytecode, lookups) where code has run some times.
TIMES = 20
EXAMPLE = Slot(0, "127.0.0.1", 5060, 4000, "sip:127.0.0.1:5060;lr", Path("/run"), 1.0, 1.0)
INVITE = 'INVITE sip:b@h SIP/2.0\r\nFrom: "A" <sip:a@h>;tag=a\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n'


def warm_up() -> None:
    """What needs no running stack is done once here: what a process writes for the first time it must copy."""
    process.configure_log()
    pjmedia.library()
    for _ in range(TIMES):
        SLOT.validate_json(SLOT.dump_json(EXAMPLE))
        engine.endpoint_config()
        engine.account_config(EXAMPLE)
        arrived = sip.arrived(INVITE, "127.0.0.1:5060")
        leg = messages.Leg("caller", "ringing", "c", "a", "b")
        messages.EVENT.dump_json(messages.Snapshot(0, 1, 5060, arrived=arrived, legs=(leg,)))
        messages.EVENT.dump_json(messages.Ack(1, ok=True))
        for command in (messages.Begin(), messages.Answer(), messages.End(), messages.Bridge((("caller", "handler"),))):
            messages.ENVELOPE.validate_json(messages.ENVELOPE.dump_json(messages.Envelope(1, command)))


def settle() -> None:
    """Last of all: a collection in a forked process would write to, and so copy, every page it shares."""
    warm_up()
    gc.collect()
    gc.disable()
    gc.freeze()
