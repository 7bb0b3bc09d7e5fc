//! Problems of tenants, limits, budgets and money.

/// A file → every problem that is found in it, as `LINE:COLUMN: key: message`, in order.
pub(super) const ROWS: &[(&str, &[&str])] = &[
    // Limits.
    (
        "[limits]\nip = { rpm = 0, tpm = -1, parallel = '3', burst = 1.5 }\nkeys = { rpm = 1 }\n\
         team = 5\n[limits.model]\nrpn = 1\n",
        &[
            "2:14: limits.ip.rpm: is out of bounds: 1 up to 1000000000 is accepted",
            "2:23: limits.ip.tpm: is out of bounds: 1 up to 1000000000000 is accepted",
            "2:38: limits.ip.parallel: expected a whole number, found a string",
            "2:51: limits.ip.burst: expected a whole number, found a float",
            "3:1: limits.keys: unknown key; did you mean `key`?",
            "4:8: limits.team: expected a table, found an integer",
            "6:1: limits.model.rpn: unknown key; did you mean `rpm`?",
        ],
    ),
    // Amounts are texts, and exact.
    (
        "[billing]\nminimum_balance_usd = 0.10\nlow_balance_usd = 1\nunbilled_usd = '-5'\n",
        &[
            "2:23: billing.minimum_balance_usd: expected an amount of USD as a decimal number in \
             quotes, such as \"10.00\", found a float",
            "3:19: billing.low_balance_usd: expected an amount of USD as a decimal number in \
             quotes, such as \"10.00\", found an integer",
            "4:16: billing.unbilled_usd: expected an amount of USD as a decimal number in quotes, \
             such as \"10.00\", of at most 10000000.00",
        ],
    ),
    (
        "[billing]\nminimum_balance_usd = '0.0000000001'\nlow_balance_usd = '10000000.01'\n\
         unbilled_usd = '1e3'\n",
        &[
            "2:23: billing.minimum_balance_usd: expected an amount of USD as a decimal number in \
             quotes, such as \"10.00\", with at most nine decimals",
            "3:19: billing.low_balance_usd: expected an amount",
            "4:16: billing.unbilled_usd: expected an amount",
        ],
    ),
    (
        "[billing]\ndurability = 'lax'\nrelaxed_delay_ms = 0\nsettle_wait_ms = 10\n\
         when_store_fails = 'stop'\nlongest_answer = 0\nwebhook_secret = '0123456789'\n",
        &[
            "2:14: billing.durability: expected one of \"strict\", \"relaxed\"",
            "3:20: billing.relaxed_delay_ms: is out of bounds: 1 up to 60000 is accepted",
            "4:18: billing.settle_wait_ms: is out of bounds: 100 up to 600000 is accepted",
            "5:20: billing.when_store_fails: expected one of \"refuse\", \"continue\"",
            "6:18: billing.longest_answer: is out of bounds: 1 up to 100000000 is accepted",
            "7:18: billing.webhook_secret: must have 32 to 512 characters",
        ],
    ),
    (
        "billing.unpriced = 'free'\n",
        &["1:20: billing.unpriced: expected \"refuse\" or a table"],
    ),
    (
        "billing.unpriced = 5\n",
        &["1:20: billing.unpriced: expected \"refuse\" or a table, found an integer"],
    ),
    (
        "billing.unpriced = {}\n",
        &[
            "1:20: billing.unpriced.input: is missing",
            "1:20: billing.unpriced.output: is missing",
        ],
    ),
    (
        "billing.unpriced = { input = '1,5', ouput = '2' }\n",
        &[
            "1:20: billing.unpriced.output: is missing",
            "1:30: billing.unpriced.input: must be USD per million tokens",
            "1:37: billing.unpriced.ouput: unknown key; did you mean `output`?",
        ],
    ),
    // What is kept.
    (
        "[request_log]\nenabled = 1\nretention_days = 0\nlongest_body = '2MiB'\n\
         [idempotency]\nttl_hours = 721\nlongest_answer = '1B'\n",
        &[
            "2:11: request_log.enabled: expected `true` or `false`, found an integer",
            "3:18: request_log.retention_days: is out of bounds: 1 up to 3650 is accepted",
            "4:16: request_log.longest_body: is out of bounds: 0B up to 1MiB is accepted",
            "6:13: idempotency.ttl_hours: is out of bounds: 1 up to 720 is accepted",
            "7:18: idempotency.longest_answer: is out of bounds: 1KiB up to 64MiB is accepted",
        ],
    ),
    // Secrets of before.
    (
        "[secrets]\nprevious_master_keys = ['short', 5, '${UNSET}', \
         '0123456789abcdef0123456789abcdef']\n",
        &[
            "2:25: secrets.previous_master_keys[0]: must be 32 bytes, as 64 hexadecimal digits or \
             as base64",
            "2:34: secrets.previous_master_keys[1]: expected a string, found an integer",
            "2:37: secrets.previous_master_keys[2]: the environment variable `UNSET` is not set",
            "2:49: secrets.previous_master_keys[3]: must be 32 bytes, as 64 hexadecimal digits or \
             as base64",
        ],
    ),
    (
        "[secrets]\nprevious_master_keys = 'abc'\n",
        &[
            "2:24: secrets.previous_master_keys: expected a list of strings (credentials), found a string",
        ],
    ),
    // Addresses.
    (
        "[server]\ntrusted_proxies = ['10.0.0.0/8', '10.0.0.1/8', 'proxy', 7]\n",
        &[
            "2:34: server.trusted_proxies[1]: expected an address or a range",
            "2:48: server.trusted_proxies[2]: expected an address or a range",
            "2:57: server.trusted_proxies[3]: expected a string, found an integer",
        ],
    ),
    // Names of tenants.
    (
        "[[organizations]]\nname = 'a b'\n[[organizations]]\nstatus = 'closed'\n\
         [[teams]]\nname = 'x/y'\n[[users]]\nname = 'create'\nrole = 'king'\n",
        &[
            "2:8: organizations[0].name: must be 1 to 64 letters",
            "3:1: organizations[1].name: is missing",
            "4:10: organizations[1].status: expected one of \"active\", \"paused\", \"suspended\"",
            "6:8: teams[0].name: must be 1 to 64 letters",
            "8:8: users[0].name: must be 1 to 64 letters",
            "9:8: users[0].role: expected one of \"member\", \"viewer\", \"developer\", \"admin\", \
             \"owner\"",
        ],
    ),
    (
        "[[organizations]]\nname = 'acme'\n[[organizations]]\nname = 'acme'\n[[teams]]\n\
         name = 'acme'\n[[teams]]\nname = 'acme'\n[[users]]\nname = 'acme'\n[[users]]\n\
         name = 'acme'\n",
        &[
            "4:8: organizations[1].name: `organizations[0].name` is the same name",
            "8:8: teams[1].name: `teams[0].name` is the same name",
            "12:8: users[1].name: `users[0].name` is the same name",
        ],
    ),
    (
        "[[organizations]]\nname = 'acme'\nkeep_bodies = 'yes'\ncredits_usd = 100\n\
         credit_usd = '1'\nteams = []\n",
        &[
            "3:15: organizations[0].keep_bodies: expected `true` or `false`, found a string",
            "4:15: organizations[0].credits_usd: expected an amount of USD",
            "5:1: organizations[0].credit_usd: unknown key; did you mean `credits_usd`?",
            "6:1: organizations[0].teams: unknown key here; `teams` belongs to the top level, as \
             `[[teams]]`",
        ],
    ),
    // Budgets.
    (
        "[[teams]]\nname = 'x'\nbudgets = [\n{ period = 'daily', usd = '1' },\n\
         { period = 'yearly', usd = 1, warn_percent = 0, zone = 'Europe/Berln' },\n\
         { period = 'daily', usd = '2', warn_percent = 101, zone = 'CET2' },\n{ limit = '3' },\n]\n",
        &[
            "5:12: teams[0].budgets[1].period: expected one of \"daily\", \"weekly\", \"monthly\", \
             \"total\"",
            "5:28: teams[0].budgets[1].usd: expected an amount of USD",
            "5:46: teams[0].budgets[1].warn_percent: is out of bounds: 1 up to 100 is accepted",
            "5:56: teams[0].budgets[1].zone: expected the name of a time zone, such as \
             \"Europe/Berlin\"; did you mean \"Europe/Berlin\"?",
            "6:12: teams[0].budgets[2].period: `teams[0].budgets[0]` is a budget of the same period",
            "6:47: teams[0].budgets[2].warn_percent: is out of bounds",
            "6:59: teams[0].budgets[2].zone: expected the name of a time zone",
            "7:1: teams[0].budgets[3].period: is missing",
            "7:1: teams[0].budgets[3].usd: is missing",
            "7:3: teams[0].budgets[3].limit: unknown key",
        ],
    ),
    (
        "[[models]]\nname = 'x'\ntargets = [{ connection = 'sim', model = 'echo' }]\n\
         limits = { rpm = 0 }\nbudgets = { period = 'daily', usd = '1' }\n",
        &[
            "4:18: models[0].limits.rpm: is out of bounds",
            "5:11: models[0].budgets: expected a list of tables, found a table",
        ],
    ),
    // Keys.
    (
        "[[keys]]\nname = 'x'\nkey = 'sk-12345'\npermissions = ['reed', 'admin']\n\
         surfaces = []\naddresses = []\nteam = 'a b'\nuser = 3\n",
        &[
            "4:16: keys[0].permissions[0]: expected one of \"read\", \"write\", \"admin\"; did you \
             mean \"read\"?",
            "5:12: keys[0].surfaces: is an empty list: leave it out to allow all",
            "6:13: keys[0].addresses: is an empty list: leave it out to allow all",
            "7:8: keys[0].team: must be 1 to 64 letters",
            "8:8: keys[0].user: expected a string, found an integer",
        ],
    ),
    // A list of which nothing is right is not said to be empty.
    (
        "[[keys]]\nname = 'x'\nkey = 'sk-12345'\nsurfaces = ['openai_chats']\n\
         addresses = ['here']\n",
        &[
            "4:13: keys[0].surfaces[0]: expected one of",
            "5:14: keys[0].addresses[0]: expected an address or a range",
        ],
    ),
    (
        "[[keys]]\nname = 'x'\nkey = 'sk-12345'\npermissions = ['admin']\n",
        &["4:15: keys[0].permissions: `admin` needs a `user`"],
    ),
    (
        "[[organizations]]\nname = 'acme'\n[[teams]]\nname = 'search'\norganization = 'acme'\n\
         [[users]]\nname = 'ann'\n[[keys]]\nname = 'x'\nkey = 'sk-12345'\nteam = 'search'\n\
         user = 'ann'\n",
        &[
            "12:8: keys[0].user: is a user of the organization `default`, and the team of this key \
             belongs to `acme`",
        ],
    ),
    // Of several keys of one section, all problems at once.
    (
        "[[users]]\nname = 'ann'\nemail = ''\nlimits = { burst = 0 }\nbudgets = [{}]\n",
        &[
            "3:9: users[0].email: is empty",
            "4:20: users[0].limits.burst: is out of bounds",
            "5:12: users[0].budgets[0].period: is missing",
            "5:12: users[0].budgets[0].usd: is missing",
        ],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'simulated'\nowner = 'a:b'\n\
         [[models]]\nname = 'x/*'\ntargets = [{ connection = 'x' }]\n",
        &["4:9: connections[0].owner: must be 1 to 64 letters"],
    ),
];
