# ✅ Good - Handle specific errors differently
try:
    response = make_request()
except AuthenticationError:
    # Refresh key
    pass
except InsufficientCreditsError:
    # Notify user
    pass
except RateLimitError:
    # Queue for later
    pass
# ❌ Bad - Catch-all error handling
try:
    response = make_request()
except Exception:
    # What went wrong?
    pass
