"""The media stack's thread that takes RTP in, only while there is a call: even idle it looks a hundred times a second.

pjsua2 starts it with the stack and has no word to stop it; PJMEDIA's C interface has (``pjmedia/endpoint.h``). A second
media endpoint, made on the packet queue of the first, brings a thread that serves that queue.
"""

from __future__ import annotations

import ctypes
from functools import cache

from pjsua2 import _pjsua2

THREADS = 1


def stop() -> None:
    """After the stack's start, before there is any media."""
    stack = _stack()
    stack.pjmedia_endpt_stop_threads(stack.pjsua_get_pjmedia_endpt())


def start() -> None:
    """Once, when there is media to come. Raises OSError when the stack refuses; the thread ends with the process."""
    stack = _stack()
    queue = stack.pjmedia_endpt_get_ioqueue(stack.pjsua_get_pjmedia_endpt())
    second = ctypes.c_void_p()
    status = stack.pjmedia_endpt_create2(stack.pjsua_get_pool_factory(), queue, THREADS, ctypes.byref(second))
    if status != 0:
        raise OSError(f"the media stack's thread cannot be started: status {status}")


@cache
def _stack() -> ctypes.CDLL:
    """The library that pjsua2 has loaded already, not a second one."""
    pointer = ctypes.c_void_p
    stack = ctypes.CDLL(_pjsua2.__file__)
    stack.pjsua_get_pjmedia_endpt.restype = stack.pjsua_get_pool_factory.restype = pointer
    stack.pjmedia_endpt_get_ioqueue.restype = pointer
    stack.pjmedia_endpt_get_ioqueue.argtypes = (pointer,)
    stack.pjmedia_endpt_stop_threads.argtypes = (pointer,)
    stack.pjmedia_endpt_create2.argtypes = (pointer, pointer, ctypes.c_uint, ctypes.POINTER(pointer))
    return stack
