try:
    response = make_request()
except Exception as e:
    logger.error(
        "API request failed",
        extra={
            "error": str(e),
            "error_type": type(e).__name__,
            "team_id": team_id,
            "job_id": job_id,
            "url": url,
            "attempt": attempt,
            "status_code": getattr(e.response, 'status_code', None)
        }
    )
