//! Problems of what decides where requests go.

/// A file → every problem that is found in it, as `LINE:COLUMN: key: message`, in order.
pub(super) const ROWS: &[(&str, &[&str])] = &[
    // The rules of all models.
    (
        "[routing]\nattempts = 0\nbackoff = { first_ms = 5, factor = 1.5, jitter_percent = 101 }\n\
         repeat = 'stream'\nsticky = true\nrecovery = 'on'\nunsupported = 'loud'\nretries = 1\n",
        &[
            "2:12: routing.attempts: is out of bounds: 1 up to 5 is accepted",
            "3:24: routing.backoff.first_ms: is out of bounds: 10 up to 600000 is accepted",
            "3:36: routing.backoff.factor: expected a whole number, found a float",
            "3:58: routing.backoff.jitter_percent: is out of bounds: 0 up to 100 is accepted",
            "4:10: routing.repeat: expected one of \"streams\", \"always\", \"never\"; did you mean \"streams\"?",
            "5:10: routing.sticky: expected one of \"off\", \"user\", \"conversation\", found a boolean",
            "6:12: routing.recovery: expected one of \"off\", \"continue\"",
            "7:15: routing.unsupported: expected one of \"warn\", \"drop\", \"refuse\"",
            "8:1: routing.retries: unknown key",
        ],
    ),
    (
        "[routing]\nattempts = 6\nstrategy = 'cost'\n",
        &[
            "2:12: routing.attempts: is out of bounds: 1 up to 5 is accepted",
            "3:1: routing.strategy: unknown key here; `strategy` belongs to `models`",
        ],
    ),
    (
        "[routing]\nbackoff = { first_ms = 5000, longest_ms = 4000 }\n\
         breaker = { open_s = 700, failures = -1, window_s = 0, cooldown = 1 }\n\
         queue = { wait_ms = -1, length = 0 }\nhedge = {}\n",
        &[
            "2:43: routing.backoff.longest_ms: is shorter than `first_ms`, from which it grows",
            "3:22: routing.breaker.open_s: is longer than `longest_open_s`, up to which it grows",
            "3:38: routing.breaker.failures: is out of bounds: 0 up to 1000 is accepted",
            "3:53: routing.breaker.window_s: is out of bounds: 1 up to 3600 is accepted",
            "3:67: routing.breaker.cooldown: expected `true` or `false`, found an integer",
            "4:21: routing.queue.wait_ms: is out of bounds: 0 up to 600000 is accepted",
            "4:34: routing.queue.length: is out of bounds: 1 up to 1000000 is accepted",
            "5:9: routing.hedge.after_ms: is missing",
        ],
    ),
    // What a model inherits counts too.
    (
        "[routing]\nbackoff = { first_ms = 5000 }\n\
         [[models]]\nname = 'x'\nbackoff = { longest_ms = 4000 }\nhedge = { share_percent = 7 }\n\
         targets = [{ connection = 'sim', model = 'a' }, { connection = 'sim', model = 'b' }]\n",
        &[
            "5:26: models[0].backoff.longest_ms: is shorter than `first_ms`",
            "6:9: models[0].hedge.after_ms: is missing",
        ],
    ),
    // Limits and checks.
    (
        "[[connections]]\nname = 'x'\nprovider = 'simulated'\n\
         limits = { rpm = 0, tpm = '9', rpd = 1 }\n\
         checks = { interval_s = 0, timeout_ms = 1, unhealthy = 0, healthy = 0, every = 1 }\n",
        &[
            "4:18: connections[0].limits.rpm: is out of bounds: 1 up to 1000000000 is accepted",
            "4:27: connections[0].limits.tpm: expected a whole number, found a string",
            "4:32: connections[0].limits.rpd: unknown key",
            "5:25: connections[0].checks.interval_s: is out of bounds: 1 up to 86400 is accepted",
            "5:41: connections[0].checks.timeout_ms: is out of bounds: 10 up to 600000 is accepted",
            "5:56: connections[0].checks.unhealthy: is out of bounds: 1 up to 100 is accepted",
            "5:69: connections[0].checks.healthy: is out of bounds: 1 up to 100 is accepted",
            "5:72: connections[0].checks.every: unknown key",
        ],
    ),
    // Targets.
    (
        "[[models]]\nname = 'x'\nstrategy = 'costs'\n\
         targets = [{ connection = 'sim', model = 'a' }, { connection = 'sim', model = 'b' }, { connection = 'sim', model = 'a', weight = 2 }]\n",
        &[
            "3:12: models[0].strategy: expected one of \"priority\", \"weighted\", \"round_robin\", \"least_busy\", \"latency\", \"cost\"; did you mean \"cost\"?",
            "4:101: models[0].targets[2].connection: `models[0].targets[0]` is the same model of the same connection",
        ],
    ),
    (
        "[[models]]\nname = 'x/*'\ntargets = [{ connection = 'sim' }, { connection = 'sim', model = '*' }]\n",
        &[
            "3:51: models[0].targets[1].connection: `models[0].targets[0]` is the same model of the same connection",
        ],
    ),
    (
        "[[models]]\nname = 'x'\n[[models.targets]]\nconnection = 'sim'\nmodel = 'a'\nenabled = 'no'\n\
         priority = -1\nweight = 0\nlimits = { parallel = 0 }\nabilities = ['vision', 'tool']\n\
         when = { tags = [''], needs = 'tools', prompt_tokens_from = 10, prompt_tokens_to = 9, user = ['a'] }\n\
         price = { input = '1' }\ncontext_window = 0\nmax_output = 0\n",
        &[
            "6:11: models[0].targets[0].enabled: expected `true` or `false`, found a string",
            "7:12: models[0].targets[0].priority: is out of bounds: 0 up to 1000 is accepted",
            "8:10: models[0].targets[0].weight: is out of bounds: 1 up to 1000 is accepted",
            "9:23: models[0].targets[0].limits.parallel: is out of bounds: 1 up to 1000000 is accepted",
            "10:24: models[0].targets[0].abilities[1]: expected one of \"vision\", \"tools\", \"files\", \"audio\", \"schema\", \"reasoning\"; did you mean \"tools\"?",
            "11:18: models[0].targets[0].when.tags[0]: is empty",
            "11:31: models[0].targets[0].when.needs: expected a list of strings, found a string",
            "11:84: models[0].targets[0].when.prompt_tokens_to: is less than `prompt_tokens_from`",
            "11:87: models[0].targets[0].when.user: unknown key; did you mean `users`?",
            "12:9: models[0].targets[0].price.output: is missing",
            "13:18: models[0].targets[0].context_window: is out of bounds",
            "14:14: models[0].targets[0].max_output: is out of bounds",
        ],
    ),
    // Fallbacks.
    (
        "[[models]]\nname = 'gpt'\naliases = ['main']\n\
         fallbacks = ['backup', 'gpt', 'main', 'bacup', 'sim/*', 'second', 'sim/echo', 'sum/echo']\n\
         targets = [{ connection = 'sim', model = 'a' }]\n\
         [[models]]\nname = 'backup'\naliases = ['second']\nfallbacks = ['gpt']\n\
         targets = [{ connection = 'sim', model = 'a' }]\n",
        &[
            "4:24: models[0].fallbacks[1]: is the model itself",
            "4:31: models[0].fallbacks[2]: is the model itself",
            "4:39: models[0].fallbacks[3]: no model has this name; did you mean `backup`?",
            "4:48: models[0].fallbacks[4]: a fallback is a single name, without `*`",
            "4:57: models[0].fallbacks[5]: `models[0].fallbacks[0]` is the same model",
            "4:79: models[0].fallbacks[7]: no model has this name",
        ],
    ),
    (
        "[[models]]\nname = 'gpt'\nfallbacks = 'backup'\n\
         fallbacks_by = { context_length = ['long'], rate_limit = ['gpt'], other = ['lang'], timeout = [] }\n\
         targets = [{ connection = 'sim', model = 'a' }]\n[[collections]]\nname = 'long'\nmodels = ['gpt']\n",
        &[
            "3:13: models[0].fallbacks: expected a list of strings, found a string",
            "4:59: models[0].fallbacks_by.rate_limit[0]: is the model itself",
            "4:76: models[0].fallbacks_by.other[0]: no model has this name; did you mean `long`?",
            "4:85: models[0].fallbacks_by.timeout: unknown key",
        ],
    ),
    // Collections.
    (
        "[[collections]]\n",
        &[
            "1:1: collections[0].models: is missing",
            "1:1: collections[0].name: is missing",
        ],
    ),
    (
        "[[models]]\nname = 'a'\naliases = ['b']\ntargets = [{ connection = 'sim', model = 'a' }]\n\
         [[collections]]\nname = 'auto'\naliases = ['any']\n\
         models = ['a', 'auto', 'any', 'fast', 'sim/*', 'b', 'ab', 'sim/echo', 'zzzzz']\n\
         [[collections]]\nname = 'fast'\nmodels = ['sim/echo', 'sim/echo']\ntargets = []\nstrategy = 'fast'\n",
        &[
            "8:16: collections[0].models[1]: is a collection: the members of a collection are models",
            "8:24: collections[0].models[2]: is a collection",
            "8:31: collections[0].models[3]: is a collection",
            "8:39: collections[0].models[4]: a member is a single model, without `*`",
            "8:48: collections[0].models[5]: `collections[0].models[0]` is the same model",
            "8:53: collections[0].models[6]: no model has this name; did you mean `a`?",
            "8:71: collections[0].models[8]: no model has this name",
            "11:23: collections[1].models[1]: `collections[1].models[0]` is the same model",
            "12:1: collections[1].targets: unknown key here; `targets` belongs to `models`",
            "13:12: collections[1].strategy: expected one of",
        ],
    ),
    (
        "[[models]]\nname = 'a'\naliases = ['b']\ntargets = [{ connection = 'sim', model = 'a' }]\n\
         [[collections]]\nname = 'a'\naliases = ['b', 'c*']\nmodels = ['sim/echo']\n\
         [[collections]]\nname = 'x/*'\nmodels = ['sim/echo']\n",
        &[
            "6:8: collections[0].name: `models[0].name` is the same name",
            "7:12: collections[0].aliases[0]: `models[0].aliases[0]` is the same name",
            "7:17: collections[0].aliases[1]: an alias is a single name, without `*`",
            "10:8: collections[1].name: the name of a collection is a single name, without `*`",
        ],
    ),
    // Overload, maintenance, priority.
    (
        "[server]\nmaintenance = 'yes'\n[overload]\nparallel = 0\nlag_ms = 60001\nleast_parallel = 0\nlag = 1\n\
         [[keys]]\nname = 'x'\nkey = 'sk-12345'\npriority = 'highest'\n",
        &[
            "2:15: server.maintenance: expected `true` or `false`, found a string",
            "4:12: overload.parallel: is out of bounds: 1 up to 1000000 is accepted",
            "5:10: overload.lag_ms: is out of bounds: 0 up to 60000 is accepted",
            "6:18: overload.least_parallel: is out of bounds: 1 up to 1000000 is accepted",
            "7:1: overload.lag: unknown key; did you mean `lag_ms`?",
            "11:12: keys[0].priority: expected one of \"low\", \"normal\", \"high\"",
        ],
    ),
];
