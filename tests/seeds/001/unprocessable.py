try:
    response = requests.post(
        f"{API_URL}/jobs/create",
        headers=headers,
        json={"team_id": "acme-corp"} # Missing job_type
    )
    response.raise_for_status()
except requests.exceptions.HTTPError as e:
    if e.response.status_code == 422:
        errors = e.response.json()['detail']
        for error in errors:
            field = '.'.join(str(x) for x in error['loc'])
            print(f"Validation error on {field}: {error['msg']}")
