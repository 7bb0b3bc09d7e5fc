import logging
import json
# Configure logging
logging.basicConfig(
    level=logging.INFO,
    format='%(asctime)s - %(name)s - %(levelname)s - %(message)s'
)
logger = logging.getLogger(__name__)
def make_logged_request(url, headers, data):
    """Make request with detailed logging"""
    request_id = str(uuid.uuid4())
    logger.info(f"Request {request_id}: POST {url}")
    try:
        response = requests.post(url, headers=headers, json=data, timeout=30)
        response.raise_for_status()
        logger.info(f"Request {request_id}: Success (status={response.status_code})")
        return response.json()
    except requests.exceptions.HTTPError as e:
        logger.error(
            f"Request {request_id}: HTTP error",
            extra={
                "status_code": e.response.status_code,
                "detail": e.response.json().get("detail", "Unknown"),
                "url": url
            }
        )
        raise
    except Exception as e:
        logger.error(
            f"Request {request_id}: Failed",
            extra={"error": str(e), "url": url}
        )
        raise
