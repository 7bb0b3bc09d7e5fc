//! Faults that put an error of the provider in the place of an answer.

use super::{Effect, Fault, FaultRow, Group, Parameter, Scene};
use crate::draft::Draft;
use crate::openai::failure::{Preset, Problem, SHAPES};
use crate::openai::headers;

pub(super) fn rows() -> impl Iterator<Item = FaultRow> {
    PRESETS
        .iter()
        .map(preset_row)
        .chain(OTHER_ROWS.iter().copied())
}

const OTHER_ROWS: &[FaultRow] = &[
    FaultRow::edit(
        Group::Error,
        "status",
        STATUS_PARAMETERS,
        "Answers with any status, in the error that is usual for it.",
        status,
    ),
    FaultRow::edit(
        Group::Error,
        "answer",
        &[
            Parameter::number("status", "200", "the status"),
            Parameter::text("type", "application/json", "the content type"),
            Parameter::text("body", "", "the body, as it is"),
            Parameter::text("header-*", "", "a header of this name"),
        ],
        "Answers with this status, these headers and this body.",
        answer_as_given,
    ),
];

fn preset_row(preset: &'static Preset) -> FaultRow {
    FaultRow {
        name: preset.name,
        group: Group::Error,
        parameters: ERROR_PARAMETERS,
        does: preset.does,
        effect: Effect::Error(preset),
    }
}

const RETRY_AFTER: Parameter = Parameter::text(
    "retry-after",
    "",
    "the header, as it is; `none` takes it away",
);
const RETRY_AFTER_MS: Parameter = Parameter::text(
    "retry-after-ms",
    "",
    "the header, as it is; `none` takes it away",
);
const RESET: Parameter = Parameter::text(
    "reset",
    "",
    "the headers `x-ratelimit-reset-*`, as they are",
);
const SHOULD_RETRY: Parameter =
    Parameter::text("should-retry", "", "the header `x-should-retry`, as it is");
const MESSAGE: Parameter = Parameter::text("message", "", "the member `message`");
const TYPE: Parameter = Parameter::text("type", "", "the member `type`; `null` for null");
const CODE: Parameter = Parameter::text("code", "", "the member `code`; `null` for null");
const PARAM: Parameter = Parameter::text("param", "", "the member `param`; `null` for null");
const SHAPE: Parameter = Parameter::word(
    "shape",
    SHAPES,
    "the shape of the body; `own` is the usual one",
);
const HEADER: Parameter = Parameter::text("header-*", "", "a header of this name");

const ERROR_PARAMETERS: &[Parameter] = &[
    RETRY_AFTER,
    RETRY_AFTER_MS,
    RESET,
    SHOULD_RETRY,
    MESSAGE,
    TYPE,
    CODE,
    PARAM,
    SHAPE,
    HEADER,
];

const STATUS_PARAMETERS: &[Parameter] = &[
    Parameter::number("status", "500", "the status, 200 to 999"),
    RETRY_AFTER,
    RETRY_AFTER_MS,
    RESET,
    SHOULD_RETRY,
    MESSAGE,
    TYPE,
    CODE,
    PARAM,
    SHAPE,
    HEADER,
];

/// Puts an error in the place of the answer.
pub(super) fn answer(draft: &mut Draft, preset: &Preset, fault: &Fault, scene: &Scene) {
    let problem = problem(preset, fault, scene);
    let shape = match fault.word("shape") {
        "own" => preset.shape,
        asked => asked,
    };
    let (content_type, body) = problem.body(shape);
    let common = headers::common(scene.number, scene.seed, content_type);
    *draft = Draft::whole(problem.status, common, body);
    for (name, value) in preset.headers {
        draft.set_header(name, value);
    }
    set_headers(draft, fault);
}

fn problem(preset: &Preset, fault: &Fault, scene: &Scene) -> Problem {
    let member = |name: &str, usual: Option<&str>| match fault.text(name) {
        Some("null") => None,
        Some(given) => Some(given.to_owned()),
        None => usual.map(str::to_owned),
    };
    let message = fault.text("message").unwrap_or(preset.message);
    Problem {
        status: preset.status,
        kind: member("type", preset.kind),
        code: member("code", preset.code),
        param: member("param", preset.param),
        message: message.replace("{model}", &scene.model),
    }
}

fn set_headers(draft: &mut Draft, fault: &Fault) {
    if fault.text("retry-after").is_some() {
        // The finer header would win over the one that was asked for.
        draft.remove_header("retry-after-ms");
    }
    let once = [
        ("retry-after", "retry-after"),
        ("retry-after-ms", "retry-after-ms"),
        ("reset", "x-ratelimit-reset-requests"),
        ("reset", "x-ratelimit-reset-tokens"),
        ("should-retry", "x-should-retry"),
    ];
    for (parameter, header) in once {
        match fault.text(parameter) {
            Some("none") => draft.remove_header(header),
            Some(value) => draft.set_header(header, value),
            None => {}
        }
    }
    for (name, value) in fault.given() {
        if let Some(header) = name.strip_prefix("header-") {
            draft.set_header(header, value);
        }
    }
}

fn status(draft: &mut Draft, fault: &Fault, scene: &Scene) {
    let status = u16::try_from(fault.number("status"))
        .unwrap_or(999)
        .clamp(200, 999);
    let usual = PRESETS.iter().find(|preset| preset.status == status);
    let class = if status >= 500 {
        &ANY_SERVER
    } else {
        &ANY_CLIENT
    };
    answer(draft, usual.unwrap_or(class), fault, scene);
    draft.status = status;
}

fn answer_as_given(draft: &mut Draft, fault: &Fault, scene: &Scene) {
    let content_type = fault.word("type");
    let body = fault.text("body").unwrap_or_default();
    let common = headers::common(scene.number, scene.seed, content_type);
    let status = u16::try_from(fault.number("status"))
        .unwrap_or(999)
        .clamp(200, 999);
    *draft = Draft::whole(status, common, body.to_owned());
    set_headers(draft, fault);
}

const INVALID: Option<&str> = Some("invalid_request_error");

const ANY_CLIENT: Preset = Preset {
    name: "",
    does: "",
    status: 400,
    kind: INVALID,
    code: None,
    param: None,
    message: "The simulated provider refuses this request.",
    shape: "openai",
    headers: &[],
};

const ANY_SERVER: Preset = Preset {
    status: 500,
    kind: Some("server_error"),
    message: "The simulated provider failed at this request.",
    ..ANY_CLIENT
};

/// The errors with names. The first one of a status is what `status` answers with.
const PRESETS: &[Preset] = &[
    Preset {
        name: "invalid-request",
        does: "400: a parameter has a value that is not allowed.",
        param: Some("temperature"),
        code: Some("invalid_value"),
        message: "Invalid value for 'temperature': expected a number from 0 to 2.",
        ..ANY_CLIENT
    },
    Preset {
        name: "context-length",
        does: "400 `context_length_exceeded`: the messages are too long for the model.",
        param: Some("messages"),
        code: Some("context_length_exceeded"),
        message: "This model's maximum context length is 8192 tokens, and your messages \
                  resulted in 9000 tokens.",
        ..ANY_CLIENT
    },
    Preset {
        name: "content-filter",
        does: "400 `content_filter` as Azure sends it, with `innererror`.",
        kind: None,
        param: Some("prompt"),
        code: Some("content_filter"),
        message: "The prompt triggered the content management policy. Please change it.",
        shape: "azure",
        ..ANY_CLIENT
    },
    Preset {
        name: "invalid-prompt",
        does: "400 `invalid_prompt`: refused by the usage policy.",
        code: Some("invalid_prompt"),
        message: "Invalid prompt: it was flagged as against the usage policy.",
        ..ANY_CLIENT
    },
    Preset {
        name: "invalid-api-key",
        does: "401 `invalid_api_key`, with a type that says `invalid_request_error`.",
        status: 401,
        code: Some("invalid_api_key"),
        message: "Incorrect API key provided: sk-simul***********key.",
        ..ANY_CLIENT
    },
    Preset {
        name: "payment-required",
        does: "402: the account has no money left, as some servers of the format say it.",
        status: 402,
        kind: Some("insufficient_balance"),
        code: Some("insufficient_balance"),
        message: "Insufficient balance.",
        ..ANY_CLIENT
    },
    Preset {
        name: "region",
        does: "403 `unsupported_country_region_territory`.",
        status: 403,
        kind: Some("request_forbidden"),
        code: Some("unsupported_country_region_territory"),
        message: "This country, region or territory is not supported.",
        ..ANY_CLIENT
    },
    Preset {
        name: "permission",
        does: "403 `model_not_found`: the project may not use the model.",
        status: 403,
        code: Some("model_not_found"),
        message: "Project `proj_simulated` does not have access to model `{model}`",
        ..ANY_CLIENT
    },
    Preset {
        name: "model-not-found",
        does: "404 `model_not_found`.",
        status: 404,
        code: Some("model_not_found"),
        message: "The model `{model}` does not exist here, or you have no access to it.",
        ..ANY_CLIENT
    },
    Preset {
        name: "request-timeout",
        does: "408: the provider waited too long for the request.",
        status: 408,
        kind: Some("timeout"),
        message: "Request timed out.",
        ..ANY_CLIENT
    },
    Preset {
        name: "conflict",
        does: "409: the resource was changed by another request.",
        status: 409,
        message: "Another request is changing the same resource.",
        ..ANY_CLIENT
    },
    Preset {
        name: "too-large",
        does: "413: the body is larger than the provider takes.",
        status: 413,
        message: "The request body is larger than the limit of 25 MB.",
        ..ANY_CLIENT
    },
    Preset {
        name: "unprocessable",
        does: "422: the request is well formed, but cannot be followed.",
        status: 422,
        param: Some("messages"),
        message: "The messages cannot be processed.",
        ..ANY_CLIENT
    },
    Preset {
        name: "rate-limit",
        does: "429 `rate_limit_exceeded` of requests, with `retry-after` and reset headers.",
        status: 429,
        kind: Some("requests"),
        code: Some("rate_limit_exceeded"),
        message: "Rate limit reached for {model} in organization org-simulated on requests per \
                  min (RPM): Limit 500, Used 500, Requested 1. Please try again in 1s.",
        headers: &[
            ("retry-after", "1"),
            ("retry-after-ms", "1000"),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "1s"),
        ],
        ..ANY_CLIENT
    },
    Preset {
        name: "rate-limit-tokens",
        does: "429 `rate_limit_exceeded` of tokens, with the wait only in text and reset headers.",
        status: 429,
        kind: Some("tokens"),
        code: Some("rate_limit_exceeded"),
        message: "Rate limit reached for {model} in organization org-simulated on tokens per min \
                  (TPM): Limit 200000, Used 199000, Requested 5000. Please try again in 1.574s.",
        headers: &[
            ("x-ratelimit-remaining-tokens", "1000"),
            ("x-ratelimit-reset-tokens", "1.574s"),
        ],
        ..ANY_CLIENT
    },
    Preset {
        name: "request-too-large",
        does: "429 `rate_limit_exceeded` of a request that no waiting makes fit.",
        status: 429,
        kind: Some("tokens"),
        code: Some("rate_limit_exceeded"),
        message: "Request too large for {model} in organization org-simulated on tokens per min \
                  (TPM): Limit 30000, Requested 31538.",
        ..ANY_CLIENT
    },
    Preset {
        name: "quota",
        does: "429 `insufficient_quota`: no waiting helps.",
        status: 429,
        kind: Some("insufficient_quota"),
        code: Some("insufficient_quota"),
        message: "You exceeded your current quota; check your plan and billing.",
        ..ANY_CLIENT
    },
    Preset {
        name: "server-error",
        does: "500 `server_error`.",
        message: "The server had an error while processing the request.",
        ..ANY_SERVER
    },
    Preset {
        name: "bad-gateway",
        does: "502 with an HTML page.",
        status: 502,
        message: "Bad gateway",
        shape: "html",
        ..ANY_SERVER
    },
    Preset {
        name: "overloaded",
        does: "503: overloaded.",
        status: 503,
        kind: Some("service_unavailable_error"),
        message: "The engine is currently overloaded, please try again later",
        ..ANY_SERVER
    },
    Preset {
        name: "gateway-timeout",
        does: "504 with an HTML page.",
        status: 504,
        message: "Gateway time-out",
        shape: "html",
        ..ANY_SERVER
    },
    Preset {
        name: "unknown-520",
        does: "520 with an HTML page.",
        status: 520,
        message: "Web server is returning an unknown error",
        shape: "html",
        ..ANY_SERVER
    },
    Preset {
        name: "overloaded-529",
        does: "529: overloaded, as one provider says it.",
        status: 529,
        kind: Some("overloaded_error"),
        message: "Overloaded",
        ..ANY_SERVER
    },
];
