import requests
import time
from typing import Optional, Dict, Any
class APIError(Exception):
    """Base exception for API errors"""
    pass
class AuthenticationError(APIError):
    """Authentication failed"""
    pass
class InsufficientCreditsError(APIError):
    """Team out of credits"""
    pass
class RateLimitError(APIError):
    """Rate limit exceeded"""
    pass
class ServerError(APIError):
    """Server-side error"""
    pass
def make_api_request(
    url: str,
    headers: Dict[str, str],
    data: Dict[str, Any],
    max_retries: int = 3,
    timeout: int = 30
) -> Dict[str, Any]:
    """
    Make API request with comprehensive error handling and retries.
    Args:
        url: API endpoint URL
        headers: Request headers
        data: Request body
        max_retries: Maximum number of retries
        timeout: Request timeout in seconds
    Returns:
        API response data
    Raises:
        AuthenticationError: If authentication fails
        InsufficientCreditsError: If team is out of credits
        RateLimitError: If rate limit exceeded after retries
        ServerError: If server error after retries
        APIError: For other API errors
    """
    for attempt in range(max_retries):
        try:
            response = requests.post(
                url,
                headers=headers,
                json=data,
                timeout=timeout
            )
            response.raise_for_status()
            return response.json()
        except requests.exceptions.Timeout:
            print(f"Request timed out (attempt {attempt + 1}/{max_retries})")
            if attempt == max_retries - 1:
                raise APIError("Request timed out after all retries")
            time.sleep(2 ** attempt)
        except requests.exceptions.ConnectionError as e:
            print(f"Connection error (attempt {attempt + 1}/{max_retries}): {e}")
            if attempt == max_retries - 1:
                raise APIError(f"Connection failed after all retries: {e}")
            time.sleep(2 ** attempt)
        except requests.exceptions.HTTPError as e:
            status_code = e.response.status_code
            detail = e.response.json().get("detail", "Unknown error")
            # 401: Authentication error (don't retry)
            if status_code == 401:
                raise AuthenticationError(f"Authentication failed: {detail}")
            # 403: Forbidden (don't retry)
            elif status_code == 403:
                if "credit" in detail.lower():
                    raise InsufficientCreditsError(f"Insufficient credits: {detail}")
                else:
                    raise APIError(f"Access denied: {detail}")
            # 404: Not found (don't retry)
            elif status_code == 404:
                raise APIError(f"Resource not found: {detail}")
            # 422: Validation error (don't retry)
            elif status_code == 422:
                raise APIError(f"Validation error: {detail}")
            # 429: Rate limit (retry with backoff)
            elif status_code == 429:
                if attempt < max_retries - 1:
                    wait_time = 2 ** attempt
                    print(f"Rate limited. Waiting {wait_time}s (attempt {attempt + 1}/{max_retries})")
                    time.sleep(wait_time)
                else:
                    raise RateLimitError(f"Rate limit exceeded after all retries: {detail}")
            # 500/503: Server errors (retry with backoff)
            elif status_code in [500, 503]:
                if attempt < max_retries - 1:
                    wait_time = 2 ** attempt
                    print(f"Server error. Retrying in {wait_time}s (attempt {attempt + 1}/{max_retries})")
                    time.sleep(wait_time)
                else:
                    raise ServerError(f"Server error after all retries: {detail}")
            # Other errors
            else:
                raise APIError(f"HTTP {status_code}: {detail}")
    raise APIError("Request failed after all retries")
# Usage
try:
    result = make_api_request(
        url=f"{API_URL}/jobs/create",
        headers={"Authorization": f"Bearer {VIRTUAL_KEY}"},
        data={"team_id": "acme-corp", "job_type": "test"}
    )
    print(f"Job created: {result['job_id']}")
except AuthenticationError as e:
    print(f"Auth error: {e}")
    # Refresh virtual key or notify admin
except InsufficientCreditsError as e:
    print(f"Credits error: {e}")
    # Notify user to add credits
except RateLimitError as e:
    print(f"Rate limit error: {e}")
    # Queue request for later
except ServerError as e:
    print(f"Server error: {e}")
    # Log error and notify ops team
except APIError as e:
    print(f"API error: {e}")
    # Generic error handling
