try:
    response = requests.post(
        f"{API_URL}/jobs/{job_id}/llm-call",
        headers=headers,
        json={"messages": messages}
    )
    response.raise_for_status()
except requests.exceptions.HTTPError as e:
    if e.response.status_code == 403:
        error_detail = e.response.json()
        print(f"Access denied: {error_detail['detail']}")
        # Check team status
        team_response = requests.get(
            f"{API_URL}/teams/{team_id}",
            headers=headers
        )
        team_info = team_response.json()
        if team_info['status'] == 'suspended':
            print("Team is suspended. Contact administrator.")
        elif team_info['credits_remaining'] <= 0:
            print("Out of credits. Please add credits to continue.")
        else:
            print("Model access denied. Check access groups.")
