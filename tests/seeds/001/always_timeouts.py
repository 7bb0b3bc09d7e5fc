# ✅ Good - With appropriate timeout
response = requests.post(url, json=data, timeout=30)
# ✅ Better - With endpoint-specific timeout
timeout = get_timeout_for_endpoint(url)
response = requests.post(url, json=data, timeout=timeout)
# ❌ Bad - Can hang forever
response = requests.post(url, json=data)
