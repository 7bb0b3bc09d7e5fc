import requests
import time
from typing import Optional

def chat_with_retry(
    messages: list,
    api_key: str,
    max_retries: int = 3
) -> Optional[dict]:
    url = "https://api.example.com/v1/chat"
    headers = {"X-API-Key": api_key}
    payload = {"messages": messages}
    
    for attempt in range(max_retries):
        try:
            response = requests.post(url, headers=headers, json=payload)
            
            if response.status_code == 200:
                return response.json()
            
            elif response.status_code == 429:
                wait_time = 2 ** attempt  # Exponential backoff
                print(f"Rate limited. Waiting {wait_time}s...")
                time.sleep(wait_time)
            
            elif response.status_code == 401:
                print("Authentication failed. Check your API key.")
                return None
            
            elif response.status_code == 500:
                wait_time = 2 ** attempt
                print(f"Server error. Retrying in {wait_time}s...")
                time.sleep(wait_time)
            
            else:
                print(f"Unexpected error: {response.status_code}")
                return None
                
        except requests.RequestException as e:
            print(f"Request failed: {e}")
            time.sleep(2 ** attempt)
    
    print("Max retries exceeded")
    return None
