//! The addresses of what was used, and of the log of requests.

/// What is told of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report<'a> {
    /// Rows of the request log.
    Logs,
    /// The same with every attempt.
    Enhanced,
    /// One row.
    Log(&'a str),
    /// Sums over rows.
    Stats,
    /// What went wrong.
    Errors,
    /// Use by model.
    Usage,
    /// Use as the ledger has it, by whatever is asked.
    Breakdown,
}

/// The report of a path.
pub(super) fn find(path: &str) -> Option<Report<'_>> {
    if path == "/api/billing/usage/breakdown" {
        return Some(Report::Breakdown);
    }
    let rest = path.strip_prefix("/api/account/")?;
    Some(match rest {
        "request-logs" => Report::Logs,
        "request-logs/enhanced" => Report::Enhanced,
        "request-logs/stats" => Report::Stats,
        "errors" => Report::Errors,
        "analytics/usage" => Report::Usage,
        _ => {
            let id = rest.strip_prefix("request-logs/")?;
            let id = id.strip_suffix("/details").unwrap_or(id);
            return (!id.is_empty() && !id.contains('/')).then_some(Report::Log(id));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_found_by_their_paths() {
        for (path, report) in [
            ("/api/account/request-logs", Some(Report::Logs)),
            ("/api/account/request-logs/stats", Some(Report::Stats)),
            ("/api/account/request-logs/enhanced", Some(Report::Enhanced)),
            (
                "/api/account/request-logs/log_1",
                Some(Report::Log("log_1")),
            ),
            (
                "/api/account/request-logs/req_1/details",
                Some(Report::Log("req_1")),
            ),
            ("/api/account/request-logs/", None),
            ("/api/account/request-logs//details", None),
            ("/api/account/request-logs/a/b", None),
            ("/api/account/errors", Some(Report::Errors)),
            ("/api/account/analytics/usage", Some(Report::Usage)),
            ("/api/billing/usage/breakdown", Some(Report::Breakdown)),
            ("/api/account/balance", None),
        ] {
            assert_eq!(find(path), report, "{path}");
        }
    }
}
