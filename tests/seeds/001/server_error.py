try:
    response = requests.post(
        f"{API_URL}/jobs/{job_id}/llm-call",
        headers=headers,
        json={"messages": messages}
    )
    response.raise_for_status()
except requests.exceptions.HTTPError as e:
    if e.response.status_code == 500:
        print("Server error. Retrying...")
        # Retry with exponential backoff
        time.sleep(5)
        # Retry the request
