import requests
from requests.exceptions import ConnectionError, Timeout
try:
    response = requests.post(
        f"{API_URL}/jobs/create",
        headers=headers,
        json={"team_id": "acme-corp", "job_type": "test"},
        timeout=30 # 30 second timeout
    )
except ConnectionError as e:
    print(f"Connection error: {e}")
    # Check network connectivity
    # Retry with different endpoint if available
except Timeout as e:
    print(f"Request timed out: {e}")
    # Retry with longer timeout
