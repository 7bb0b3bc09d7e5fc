//! What the errors with names are, and what each family says in them.

mod anthropic;
mod google;
mod openai;

use crate::address::Family;

/// An error that the provider answers with.
pub(crate) struct Preset {
    /// The name of its row in the fault table.
    pub(crate) name: &'static str,
    /// What a client of chat completions sees, in one sentence.
    pub(crate) does: &'static str,
}

/// What a family says in an error.
#[derive(Clone, Copy)]
pub(super) struct Said {
    /// The status.
    pub(super) status: u16,
    /// The kind; the usual one of the status when it is not said.
    pub(super) kind: Option<&'static str>,
    /// The finer code or reason.
    pub(super) code: Option<&'static str>,
    /// The parameter at fault.
    pub(super) param: Option<&'static str>,
    /// The message; `{model}` stands for the model that was asked for.
    pub(super) message: &'static str,
    /// The shape of the body.
    pub(super) shape: &'static str,
    /// Headers beside the usual ones.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// The wait that the body tells.
    pub(super) wait: Option<&'static str>,
    /// The quota that is used up.
    pub(super) quota: Option<&'static str>,
    /// Whether the edge answers, which leaves parts of the form out.
    pub(super) is_edge: bool,
}

/// What a family says in the error of this name.
pub(super) fn said(name: &str, family: Family) -> Said {
    let table = match family {
        Family::OpenAi => openai::SAID,
        Family::Anthropic => anthropic::SAID,
        Family::Google => google::SAID,
    };
    let row = table.iter().find(|(present, _)| *present == name);
    row.map_or_else(|| any(500, family), |(_, said)| *said)
}

/// What a family says in an error that has no name.
pub(super) fn any(status: u16, family: Family) -> Said {
    let usual = if status >= 500 {
        openai::ANY_SERVER
    } else {
        openai::ANY_CLIENT
    };
    let kind = match family {
        Family::OpenAi => usual.kind,
        Family::Anthropic | Family::Google => None,
    };
    Said {
        status,
        kind,
        ..usual
    }
}

/// The errors with names. The first one of a status is what `status` answers with.
pub(super) const PRESETS: &[Preset] = &[
    preset(
        "invalid-request",
        "400: a parameter has a value that is not allowed.",
    ),
    preset(
        "context-length",
        "400 `context_length_exceeded`: the messages are too long for the model.",
    ),
    preset(
        "content-filter",
        "400 `content_filter` as Azure sends it, with `innererror`.",
    ),
    preset(
        "invalid-prompt",
        "400 `invalid_prompt`: refused by the usage policy.",
    ),
    preset(
        "invalid-api-key",
        "401 `invalid_api_key`, with a type that says `invalid_request_error`.",
    ),
    preset(
        "payment-required",
        "402: the account has no money left, as some servers of the format say it.",
    ),
    preset("region", "403 `unsupported_country_region_territory`."),
    preset(
        "permission",
        "403 `model_not_found`: the project may not use the model.",
    ),
    preset("model-not-found", "404 `model_not_found`."),
    preset(
        "request-timeout",
        "408: the provider waited too long for the request.",
    ),
    preset(
        "conflict",
        "409: the resource was changed by another request.",
    ),
    preset(
        "too-large",
        "413: the body is larger than the provider takes.",
    ),
    preset(
        "unprocessable",
        "422: the request is well formed, but cannot be followed.",
    ),
    preset(
        "rate-limit",
        "429 `rate_limit_exceeded` of requests, with `retry-after` and reset headers.",
    ),
    preset(
        "rate-limit-tokens",
        "429 `rate_limit_exceeded` of tokens, with the wait only in text and reset headers.",
    ),
    preset(
        "request-too-large",
        "429 `rate_limit_exceeded` of a request that no waiting makes fit.",
    ),
    preset("quota", "429 `insufficient_quota`: no waiting helps."),
    preset("server-error", "500 `server_error`."),
    preset("bad-gateway", "502 with an HTML page."),
    preset("overloaded", "503: overloaded."),
    preset("gateway-timeout", "504 with an HTML page."),
    preset("unknown-520", "520 with an HTML page."),
    preset(
        "overloaded-529",
        "529: overloaded, as one provider says it.",
    ),
];

const fn preset(name: &'static str, does: &'static str) -> Preset {
    Preset { name, does }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_says_something_in_every_error_and_in_no_other() {
        let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        for table in [openai::SAID, anthropic::SAID, google::SAID] {
            let said: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
            assert_eq!(said, names);
        }
    }
}
