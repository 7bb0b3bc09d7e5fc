from datetime import datetime, timedelta
class CircuitBreaker:
    """Simple circuit breaker implementation"""
    def __init__(self, failure_threshold: int = 5, timeout: int = 60):
        self.failure_threshold = failure_threshold
        self.timeout = timeout
        self.failures = 0
        self.last_failure_time = None
        self.state = "closed" # closed, open, half_open
    def call(self, func, *args, **kwargs):
        """Call function with circuit breaker"""
        # If circuit is open, check if timeout expired
        if self.state == "open":
            if datetime.now() - self.last_failure_time > timedelta(seconds=self.timeout):
                self.state = "half_open"
                self.failures = 0
            else:
                raise APIError("Circuit breaker is open")
        try:
            result = func(*args, **kwargs)
            # Success - reset failures
            if self.state == "half_open":
                self.state = "closed"
                self.failures = 0
            return result
        except (ServerError, RateLimitError) as e:
            # Track failures
            self.failures += 1
            self.last_failure_time = datetime.now()
            # Open circuit if threshold exceeded
            if self.failures >= self.failure_threshold:
                self.state = "open"
            raise
# Usage
circuit_breaker = CircuitBreaker(failure_threshold=5, timeout=60)
try:
    result = circuit_breaker.call(
        make_api_request,
        url=url,
        headers=headers,
        data=data
    )
except APIError as e:
    print(f"Request failed: {e}")
