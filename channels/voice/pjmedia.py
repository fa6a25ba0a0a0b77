"""What PJMEDIA can do and pjsua2 does not pass on, by its C interface (``pjmedia/endpoint.h``, ``pjmedia/stream.h``).

The thread that takes RTP in runs only while there is a call: even idle it looks a hundred times a second. pjsua2 starts
it with the stack and has no word to stop it. A second media endpoint, made on the packet queue of the first, brings a
thread that serves that queue.
"""

from __future__ import annotations

import ctypes
from functools import cache

from pjsua2 import _pjsua2

THREADS = 1
DECODING = 2  # PJMEDIA_DIR_DECODING


def stop_thread() -> None:
    """After the stack's start, before there is any media."""
    stack = library()
    stack.pjmedia_endpt_stop_threads(stack.pjsua_get_pjmedia_endpt())


def start_thread() -> int:
    """Once, when there is media to come; what ``end_thread`` takes. Raises OSError when the stack refuses."""
    stack = library()
    queue = stack.pjmedia_endpt_get_ioqueue(stack.pjsua_get_pjmedia_endpt())
    second = ctypes.c_void_p()
    status = stack.pjmedia_endpt_create2(stack.pjsua_get_pool_factory(), queue, THREADS, ctypes.byref(second))
    if status != 0:
        raise OSError(f"the media stack's thread cannot be started: status {status}")
    assert second.value is not None
    return second.value


def end_thread(endpoint: int) -> None:
    """When nothing that comes matters any more; waits for the thread, 10 ms at most."""
    library().pjmedia_endpt_stop_threads(endpoint)


def empty_jitter_buffer(stream: int) -> None:
    """Whatever this stream (its address) has received and not yet played is dropped; a pause does that."""
    stack = library()
    stack.pjmedia_stream_pause(stream, DECODING)
    stack.pjmedia_stream_resume(stream, DECODING)


@cache
def library() -> ctypes.CDLL:
    """The library that pjsua2 has loaded already, not a second one."""
    pointer = ctypes.c_void_p
    stack = ctypes.CDLL(_pjsua2.__file__)
    stack.pjsua_get_pjmedia_endpt.restype = stack.pjsua_get_pool_factory.restype = pointer
    stack.pjmedia_endpt_get_ioqueue.restype = pointer
    stack.pjmedia_endpt_get_ioqueue.argtypes = (pointer,)
    stack.pjmedia_endpt_stop_threads.argtypes = (pointer,)
    stack.pjmedia_endpt_create2.argtypes = (pointer, pointer, ctypes.c_uint, ctypes.POINTER(pointer))
    stack.pjmedia_stream_pause.argtypes = stack.pjmedia_stream_resume.argtypes = (pointer, ctypes.c_int)
    return stack
