//! Names of the details that texts are made of. A failure may carry others beside them.

/// Text: what is left, in USD, as a decimal number (`0.05`). For `insufficient_credits`.
pub const BALANCE_USD: &str = "balance_usd";
/// Text: the balance below which no call is let through, in USD. For `insufficient_credits`.
pub const MINIMUM_USD: &str = "minimum_usd";
/// Text: what the call may cost at most, in USD. For `insufficient_credits`.
pub const NEEDED_USD: &str = "needed_usd";
/// Text: whose limit it is (`key`, `user`, `team`, `organization`, …). For `budget_exceeded` and
/// `rate_limit_exceeded`.
pub const LEVEL: &str = "level";
/// Text: the spending limit in USD. For `budget_exceeded`.
pub const LIMIT_USD: &str = "limit_usd";
/// Text: what is spent of the limit, in USD. For `budget_exceeded`.
pub const SPENT_USD: &str = "spent_usd";
/// Text: what is not there or in conflict: [`JOB`], `team`, `key`, …. For `resource_not_found`
/// and `conflict`.
pub const RESOURCE: &str = "resource";
/// The value of [`RESOURCE`] for jobs, which have texts of their own in one dialect.
pub const JOB: &str = "job";
/// Text: the team that was named. For `permission_denied` (it is not the key's) and
/// `model_not_found`.
pub const TEAM_ID: &str = "team_id";
/// Text: the self-hosted gateway. For `remote_gateway_unavailable` and `remote_gateway_timeout`.
pub const GATEWAY_ID: &str = "gateway_id";
/// Text: the kind of the self-hosted gateway, for example `type3`.
pub const GATEWAY_TYPE: &str = "gateway_type";
/// Number: how many seconds were waited. For `remote_gateway_timeout`.
pub const WAITED_SECONDS: &str = "waited_seconds";
/// Text: what is limited: `requests`, `tokens` or `parallel`. For `rate_limit_exceeded`.
pub const WHAT: &str = "what";
/// Number: the limit; requests and tokens are counted by the minute. For `rate_limit_exceeded`.
pub const LIMIT: &str = "limit";
/// Number: how much of the limit is left. For `rate_limit_exceeded`.
pub const REMAINING: &str = "remaining";
/// Text: after how long the request would be let in (`1.5s`, `6m0s`). For `rate_limit_exceeded`.
pub const RESET: &str = "reset";
