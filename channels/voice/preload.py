"""What the forkserver loads once, so that every call process shares its memory and starts in milliseconds.

Only the forkserver imports this module.
"""

import gc

import pjsua2  # noqa: F401

import channels.voice.agent
import channels.voice.process  # noqa: F401

# A collection in a forked process would write to, and so copy, every page it shares.
gc.disable()
gc.freeze()
