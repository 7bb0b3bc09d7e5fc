//! Who uses the gateway, and what everybody is allowed: organizations, teams, users, keys, rate
//! limits and budgets.

use tollgate_core::key::LONGEST;

use super::bounds;
use super::server::DIALECT;
use crate::config::schema::{Key, Kind, SecretRule};

/// Whose requests are limited at which level.
pub(super) const LIMITS: &[Key] = &[
    Key::new(
        "ip",
        Kind::Table(RATES),
        "An address that requests come from, whoever asks. Behind a proxy: see \
         `server.trusted_proxies`.",
    ),
    Key::new(
        "key",
        Kind::Table(RATES),
        "A key without limits of its own.",
    ),
    Key::new(
        "user",
        Kind::Table(RATES),
        "A user without limits of their own.",
    ),
    Key::new(
        "team",
        Kind::Table(RATES),
        "A team without limits of its own.",
    ),
    Key::new(
        "organization",
        Kind::Table(RATES),
        "An organization without limits of its own.",
    ),
    Key::new(
        "model",
        Kind::Table(RATES),
        "A model without limits of its own: what all who ask for it may do together.",
    ),
];

/// What somebody may ask for in a minute.
pub(super) const RATES: &[Key] = &[
    Key::new(
        "rpm",
        Kind::Count(bounds(1, 1_000_000_000)),
        "Requests a minute. Left out: no limit.",
    ),
    Key::new(
        "tpm",
        Kind::Count(bounds(1, 1_000_000_000_000)),
        "Tokens a minute, prompt and answer together: reserved by an estimate when a request \
         comes, corrected when it ends. Left out: no limit.",
    ),
    Key::new(
        "parallel",
        Kind::Count(bounds(1, 1_000_000)),
        "Requests at the same time. Left out: no limit.",
    ),
    Key::new(
        "burst",
        Kind::Count(bounds(1, 1_000_000_000)),
        "Requests that may come at one moment after a quiet time. Left out: as many as `rpm`.",
    ),
];

/// What may be spent.
pub(super) const BUDGETS: &[Key] = &[
    Key::new(
        "period",
        Kind::Choice {
            words: &["daily", "weekly", "monthly", "total"],
            hint: "",
        },
        "For how long is counted: a day, a week from Monday on, a month, or for ever. One budget \
         for each.",
    )
    .required(),
    Key::new(
        "usd",
        Kind::Money,
        "Where spending stops (`budget_exceeded`).",
    )
    .required(),
    Key::new(
        "warn_percent",
        Kind::Count(bounds(1, 100)),
        "From which share of it on answers carry a warning.",
    )
    .default("80"),
    Key::new(
        "zone",
        Kind::Zone,
        "The time zone whose midnight begins a period, as IANA names it, such as \
         `Europe/Berlin`. Left out: `UTC`.",
    ),
];

const STATUS: Key = Key::new(
    "status",
    Kind::Choice {
        words: &["active", "paused", "suspended"],
        hint: "",
    },
    "Whether it may work. Requests of all below it are refused while it is `paused` or \
     `suspended`.",
)
.default("active");

/// An organization that somebody belongs to.
const ORGANIZATION: Key = Key::new(
    "organization",
    Kind::Id,
    "Whose it is. One that is not declared must have been made over the API or by command. Left \
     out: `default`.",
);

const OWN_LIMITS: Key = Key::new(
    "limits",
    Kind::Table(RATES),
    "Rate limits of its own. What is left out is as in `[limits]`.",
);

const OWN_BUDGETS: Key = Key::new(
    "budgets",
    Kind::List(BUDGETS),
    "What may be spent, at most one budget for each period. Left out: as much as there are \
     credits.",
);

const CREDITS: Key = Key::new(
    "credits_usd",
    Kind::Money,
    "Credits that are given once, when the configuration is first read with them: a later change \
     gives nothing, and what is left of them stays. `0` gives nothing and makes it pay, so that \
     it needs credits from elsewhere. Left out: none are given.",
);

pub(super) const ORGANIZATIONS: &[Key] = &[
    Key::new("name", Kind::Id, "Its name, by which others refer to it.").required(),
    STATUS,
    OWN_LIMITS,
    OWN_BUDGETS,
    Key::new(
        "keep_bodies",
        Kind::Bool,
        "Whether the texts of its requests and answers are kept in the request log.",
    )
    .default("false"),
    CREDITS,
];

pub(super) const TEAMS: &[Key] = &[
    Key::new("name", Kind::Id, "Its name, by which keys refer to it.").required(),
    ORGANIZATION,
    STATUS,
    OWN_LIMITS,
    OWN_BUDGETS,
    CREDITS,
    Key::new(
        "jobs",
        Kind::Table(JOB_TERMS),
        "What its jobs (`/api/jobs`) cost, in job credits.",
    ),
];

/// What the jobs of a team cost.
const JOB_TERMS: &[Key] = &[
    Key::new(
        "budget_mode",
        Kind::Choice {
            words: &["job_based", "consumption_usd", "consumption_tokens"],
            hint: "",
        },
        "By what a completed job is charged: one credit each; by what its calls cost; or by the \
         tokens of its calls. Rounded down, and at least one credit.",
    )
    .default("job_based"),
    Key::new(
        "credits_per_dollar",
        Kind::Count(bounds(1, 1_000_000)),
        "With `consumption_usd`: how many credits a dollar is.",
    )
    .default("10"),
    Key::new(
        "tokens_per_credit",
        Kind::Count(bounds(1, 1_000_000_000_000)),
        "With `consumption_tokens`: how many tokens a credit is.",
    )
    .default("10000"),
    Key::new(
        "default_model",
        Kind::Name,
        "The model of its job calls that name none.",
    ),
    Key::new(
        "credits",
        Kind::Count(bounds(0, 1_000_000_000_000)),
        "Job credits that are given once, when the configuration is first read with them, as \
         `credits_usd` are. A team to which job credits were ever given pays for its jobs with \
         them. Left out: none are given.",
    ),
];

pub(super) const USERS: &[Key] = &[
    Key::new("name", Kind::Id, "Their name, by which keys refer to them.").required(),
    ORGANIZATION,
    Key::new(
        "email",
        Kind::Text,
        "Their address, or another name by which people know them. Left out: as `name`.",
    ),
    Key::new(
        "role",
        Kind::Choice {
            words: &["member", "viewer", "developer", "admin", "owner"],
            hint: "",
        },
        "What they may do in their organization, with keys that have the permission `admin`.",
    )
    .default("member"),
    STATUS,
    OWN_LIMITS,
    OWN_BUDGETS,
];

pub(super) const KEYS: &[Key] = &[
    Key::new("name", Kind::Text, "What lists and logs call the key.").required(),
    Key::new(
        "team",
        Kind::Id,
        "Who the key belongs to, and whose credits it spends. One that is not declared must have \
         been made over the API or by command. Left out: `default`.",
    ),
    Key::new(
        "user",
        Kind::Id,
        "Who holds it: a user of the organization of its team. Left out: nobody in particular.",
    ),
    Key::new(
        "key",
        Kind::Secret(SecretRule {
            prefix: "sk-",
            shortest: 8,
            longest: LONGEST,
            form: None,
        }),
        "The key itself. Best as `${VAR}` or `${file:…}`, not in clear text.",
    )
    .required(),
    Key::new(
        "models",
        Kind::Names,
        "Which models it may use: names, or patterns that end in `*`. An empty list allows none.",
    )
    .default("*"),
    Key::new(
        "permissions",
        Kind::Words(&["read", "write", "admin"]),
        "What it may do: see what there is, send calls, and manage what the role of its user \
         allows. Left out: `read` and `write`.",
    ),
    Key::new(
        "surfaces",
        Kind::Words(tollgate_http::keys::SURFACES),
        "By which surfaces it may come. Left out: all of them.",
    ),
    Key::new(
        "addresses",
        Kind::Ranges,
        "From which addresses it may come, such as `10.0.0.0/8`. Left out: all of them.",
    ),
    OWN_LIMITS,
    OWN_BUDGETS,
    Key::new(
        "error_dialect",
        DIALECT,
        "The form of errors for this key. Left out: `errors.dialect`.",
    ),
    Key::new(
        "priority",
        Kind::Choice {
            words: &["low", "normal", "high"],
            hint: "",
        },
        "Whose requests go on when the gateway is overloaded: those of `low` keys are refused \
         first, those of `high` keys last.",
    )
    .default("normal"),
    Key::new(
        "expires_at",
        Kind::Time,
        "From when on it is refused. Left out: never.",
    ),
];
