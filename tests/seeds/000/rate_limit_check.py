if not rate_limiter.allow(key):
    RATE_LIMIT_BLOCKED.inc()
    raise HTTPException(
        status_code=429, 
        detail="Too many requests. Please wait before trying again."
    )
