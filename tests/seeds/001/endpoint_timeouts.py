ENDPOINT_TIMEOUTS = {
    "/api/jobs/create": 10,
    "/api/jobs/": 10, # GET job
    "/api/jobs/.*llm-call": 60,
    "/api/jobs/.*complete": 30,
    "/api/jobs/create-and-call": 60,
}
def get_timeout_for_endpoint(url: str) -> int:
    """Get recommended timeout for endpoint"""
    for pattern, timeout in ENDPOINT_TIMEOUTS.items():
        if pattern in url:
            return timeout
    return 30 # Default
# Usage
timeout = get_timeout_for_endpoint(url)
response = requests.post(url, json=data, timeout=timeout)
