import time
import random
def exponential_backoff_with_jitter(attempt: int, base_delay: float = 1.0, max_delay: float = 32.0) -> float:
    """
    Calculate exponential backoff with jitter.
    Args:
        attempt: Current retry attempt (0-indexed)
        base_delay: Base delay in seconds
        max_delay: Maximum delay in seconds
    Returns:
        Delay in seconds with random jitter
    """
    # Exponential: base_delay * 2^attempt
    delay = min(base_delay * (2 ** attempt), max_delay)
    # Add jitter (±25% random variation)
    jitter = delay * 0.25 * (2 * random.random() - 1)
    return delay + jitter
def make_request_with_smart_retry(
    url: str,
    headers: dict,
    data: dict,
    max_retries: int = 3,
    timeout: int = 30
) -> dict:
    """
    Make API request with intelligent retry logic.
    Retries:
    - 429 (Rate Limit): Up to max_retries with exponential backoff
    - 500/503 (Server errors): Up to max_retries with exponential backoff
    - Timeouts/Connection errors: Up to max_retries with exponential backoff
    Does NOT retry:
    - 400, 401, 403, 404, 422: Client errors that won't be fixed by retrying
    """
    for attempt in range(max_retries):
        try:
            response = requests.post(url, headers=headers, json=data, timeout=timeout)
            response.raise_for_status()
            return response.json()
        except requests.exceptions.Timeout:
            if attempt < max_retries - 1:
                delay = exponential_backoff_with_jitter(attempt)
                print(f"Timeout. Retrying in {delay:.1f}s (attempt {attempt + 1}/{max_retries})")
                time.sleep(delay)
            else:
                raise APIError("Request timed out after all retries")
        except requests.exceptions.ConnectionError:
            if attempt < max_retries - 1:
                delay = exponential_backoff_with_jitter(attempt)
                print(f"Connection error. Retrying in {delay:.1f}s (attempt {attempt + 1}/{max_retries})")
                time.sleep(delay)
            else:
                raise APIError("Connection failed after all retries")
        except requests.exceptions.HTTPError as e:
            status_code = e.response.status_code
            detail = e.response.json().get("detail", "Unknown error")
            # Don't retry client errors (4xx except 429)
            if 400 <= status_code < 500 and status_code != 429:
                if status_code == 401:
                    raise AuthenticationError(f"Authentication failed: {detail}")
                elif status_code == 403:
                    raise APIError(f"Forbidden: {detail}")
                elif status_code == 404:
                    raise APIError(f"Not found: {detail}")
                elif status_code == 422:
                    raise APIError(f"Validation error: {detail}")
                else:
                    raise APIError(f"Client error {status_code}: {detail}")
            # Retry 429 and 5xx errors
            if attempt < max_retries - 1:
                delay = exponential_backoff_with_jitter(attempt)
                print(f"HTTP {status_code}. Retrying in {delay:.1f}s (attempt {attempt + 1}/{max_retries})")
                time.sleep(delay)
            else:
                if status_code == 429:
                    raise RateLimitError(f"Rate limit exceeded: {detail}")
                else:
                    raise ServerError(f"Server error {status_code}: {detail}")
    raise APIError("Request failed after all retries")
