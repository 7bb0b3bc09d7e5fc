import time
from collections import defaultdict
class APIMetrics:
    """Track API metrics"""
    def __init__(self):
        self.requests = defaultdict(int)
        self.errors = defaultdict(int)
        self.latencies = []
    def record_request(self, endpoint: str, latency_ms: float, success: bool):
        """Record a request"""
        self.requests[endpoint] += 1
        self.latencies.append(latency_ms)
        if not success:
            self.errors[endpoint] += 1
    def get_stats(self):
        """Get aggregated stats"""
        total_requests = sum(self.requests.values())
        total_errors = sum(self.errors.values())
        avg_latency = sum(self.latencies) / len(self.latencies) if self.latencies else 0
        return {
            "total_requests": total_requests,
            "total_errors": total_errors,
            "error_rate": total_errors / total_requests if total_requests > 0 else 0,
            "avg_latency_ms": avg_latency,
            "p95_latency_ms": sorted(self.latencies)[int(len(self.latencies) * 0.95)] if self.latencies else 0
        }
# Usage
metrics = APIMetrics()
def make_tracked_request(url, headers, data):
    """Make request with metrics tracking"""
    start_time = time.time()
    success = False
    try:
        response = requests.post(url, headers=headers, json=data, timeout=30)
        response.raise_for_status()
        success = True
        return response.json()
    finally:
        latency_ms = (time.time() - start_time) * 1000
        metrics.record_request(url, latency_ms, success)
# Later, check metrics
stats = metrics.get_stats()
print(f"Total requests: {stats['total_requests']}")
print(f"Error rate: {stats['error_rate']:.2%}")
print(f"Avg latency: {stats['avg_latency_ms']:.0f}ms")
