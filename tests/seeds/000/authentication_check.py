if api_key not in valid_keys:
    raise HTTPException(
        status_code=401,
        detail="Invalid or missing API Key"
    )
