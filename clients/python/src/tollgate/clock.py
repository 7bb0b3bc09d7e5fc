"""Time and chance, which tests replace."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio


@dataclass(frozen=True)
class Clock:
    """Where a client has its time from, how it waits, and what it rolls dice with."""

    #: Seconds since some moment; never goes back.
    monotonic: Callable[[], float] = time.monotonic
    #: Seconds since 1970.
    wall: Callable[[], float] = time.time
    #: Waits that many seconds.
    sleep: Callable[[float], None] = time.sleep
    #: The same without keeping others from running.
    sleep_async: Callable[[float], Awaitable[None]] = anyio.sleep
    #: Anything from 0 up to, but not including, 1.
    random: Callable[[], float] = random.random
