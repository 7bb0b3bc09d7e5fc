# ✅ Good - Exponential backoff with jitter
for attempt in range(3):
    try:
        response = requests.post(url, json=data, timeout=30)
        response.raise_for_status()
        break
    except requests.exceptions.HTTPError as e:
        if e.response.status_code in [429, 500, 503] and attempt < 2:
            delay = (2 ** attempt) + random.uniform(0, 0.5)
            time.sleep(delay)
        else:
            raise
# ❌ Bad - Fixed delay, retries everything
for attempt in range(3):
    try:
        response = requests.post(url, json=data, timeout=30)
        response.raise_for_status()
        break
    except:
        time.sleep(1) # Always 1 second, no distinction between errors
