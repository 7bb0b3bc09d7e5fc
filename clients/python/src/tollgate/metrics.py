"""Counters of what a client did."""

from __future__ import annotations

import threading
from collections import defaultdict, deque

#: How many of the latest latencies the percentile is taken over.
_KEPT = 10_000


class APIMetrics:
    """Counts requests, errors and latencies by endpoint. Threads may share it.

    An endpoint is a method and a path without ids, so their number is bounded.
    """

    def __init__(self) -> None:
        self.requests: defaultdict[str, int] = defaultdict(int)
        self.errors: defaultdict[str, int] = defaultdict(int)
        self.retries: defaultdict[str, int] = defaultdict(int)
        self.latencies: deque[float] = deque(maxlen=_KEPT)
        self._total_ms = 0.0
        self._lock = threading.Lock()

    def record_request(self, endpoint: str, latency_ms: float, success: bool) -> None:
        """Records one request with all its attempts."""
        with self._lock:
            self.requests[endpoint] += 1
            self.latencies.append(latency_ms)
            self._total_ms += latency_ms
            if not success:
                self.errors[endpoint] += 1

    def record_retry(self, endpoint: str) -> None:
        """Records that a request is sent again."""
        with self._lock:
            self.retries[endpoint] += 1

    def get_stats(self) -> dict[str, float]:
        """The sums over all endpoints."""
        with self._lock:
            requests, failed = sum(self.requests.values()), sum(self.errors.values())
            retries, latencies = sum(self.retries.values()), sorted(self.latencies)
            total_ms = self._total_ms
        return {
            "total_requests": requests,
            "total_errors": failed,
            "total_retries": retries,
            "error_rate": failed / requests if requests else 0,
            "avg_latency_ms": total_ms / requests if requests else 0,
            "p95_latency_ms": latencies[int(len(latencies) * 0.95)] if latencies else 0,
        }
