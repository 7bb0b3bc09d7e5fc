"""Whether a request is sent again, and after which wait."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import APIError


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how patiently a request is sent again.

    What the gateway says (`x-should-retry`, `retry-after`) goes before what is set here.
    """

    #: How often a request is sent at most, the first time included.
    attempts: int = 5
    #: How often at most after status 500, the first time included.
    attempts_at_500: int = 4
    #: The first wait, in seconds.
    base: float = 1.0
    #: What each wait is multiplied with for the next.
    factor: float = 2.0
    #: The longest wait of this client's own choice.
    longest: float = 32.0
    #: The share of a wait by which chance makes it longer or shorter.
    jitter: float = 0.25
    #: The longest wait that a server may ask for; a longer one is left to the caller.
    patience: float = 120.0
    #: What the timeout is multiplied with after a timeout.
    more_time: float = 1.5

    def wait(self, error: APIError, attempt: int, chance: float) -> float | None:
        """How many seconds to wait before the next attempt; `None` to give up.

        `attempt` is how often the request was sent, `chance` is from 0 to 1.
        """
        most = self.attempts
        if error.status == 500:
            most = min(most, self.attempts_at_500)
        if not error.retryable or attempt >= most:
            return None
        if error.retry_after is not None:
            return error.retry_after if error.retry_after <= self.patience else None
        # The exponent is bounded because numbers overflow long before the longest wait matters.
        wait: float = min(self.base * self.factor ** min(attempt - 1, 64), self.longest)
        return wait * (1 + self.jitter * (2 * chance - 1))


#: Sends every request once.
NO_RETRIES = RetryPolicy(attempts=1)
