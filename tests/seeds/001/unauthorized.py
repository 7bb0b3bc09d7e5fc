try:
    response = requests.post(
        f"{API_URL}/jobs/create",
        headers={"Authorization": f"Bearer {VIRTUAL_KEY}"},
        json={"team_id": "acme-corp", "job_type": "test"}
    )
    response.raise_for_status()
except requests.exceptions.HTTPError as e:
    if e.response.status_code == 401:
        print("Authentication failed. Check your virtual key.")
        # Attempt to refresh the key
        # Notify admin
        # Fall back to cached data if possible
