response = requests.post(url, headers=headers, json=payload)

if not response.ok:
    error_data = response.json()
    error_message = error_data.get("detail", "Unknown error")
    
    # Log error for monitoring
    logger.error(f"API Error {response.status_code}: {error_message}")
    
    # Handle specific error types
    if response.status_code == 401:
        raise AuthenticationError(error_message)
    elif response.status_code == 429:
        raise RateLimitError(error_message)
    elif response.status_code >= 500:
        raise ServerError(error_message)
