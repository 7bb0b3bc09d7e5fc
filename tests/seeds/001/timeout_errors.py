try:
    response = requests.post(
        f"{API_URL}/jobs/{job_id}/llm-call",
        headers=headers,
        json={"messages": messages},
        timeout=30
    )
except Timeout:
    print("Request timed out after 30 seconds")
    # Increase timeout
    # Or switch to streaming for long responses
