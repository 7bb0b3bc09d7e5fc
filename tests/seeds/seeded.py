"""A gateway as the users of seeds 000 and 004 know theirs."""

from gateway import Running

KEY = "sk-seeds-key-0123456789"
ADMIN_KEY = "seeds-admin-key-0123456789"

CONFIGURATION = """
[server]
listen = "127.0.0.1:{port}"

[admin]
key = "{admin_key}"

[database]
url = "sqlite://{folder}/tollgate.db"

[surfaces]
default_model = "google/gemini-3.5-flash"
simple = {{ hints = {{ fast = "google/gemini-3.5-flash" }} }}

[routing]
attempts = 1
breaker = {{ failures = 0, share_percent = 0, cooldown = false }}
timeouts = {{ connect_ms = 1000, first_byte_ms = 2000, idle_ms = 2000, answer_ms = 2000, total_ms = 5000 }}

[[connections]]
name = "upstream"
provider = "openai-compatible"
base_url = "http://127.0.0.1:{simulator_port}/v1"

[[models]]
name = "google/gemini-3.5-flash"
targets = [{{ connection = "upstream", model = "echo" }}]
price = {{ input = "0.30", output = "2.50" }}
context_window = 1048576

[[keys]]
name = "seeds"
key = "{key}"
"""


class Seeded(Running):
    """One model, one key, the simple chat's own limits."""

    def __init__(self, folder):
        super().__init__(folder, CONFIGURATION, key=KEY, admin_key=ADMIN_KEY)
