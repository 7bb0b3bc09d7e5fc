//! Faults that put an error of the provider in the place of an answer.

use super::said::{self, PRESETS, Preset, Said};
use super::{Effect, Fault, FaultRow, Group, Parameter, Scene};
use crate::address::{Address, Family};
use crate::draft::Draft;
use crate::family::{self, SHAPES};
use crate::problem::Problem;

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
    "the header, as it is; for Google, the wait in the body; `none` takes it away",
);
const RETRY_AFTER_MS: Parameter = Parameter::text(
    "retry-after-ms",
    "",
    "the header, as it is; `none` takes it away",
);
const RESET: Parameter = Parameter::text(
    "reset",
    "",
    "the headers that tell when limits are reset, as they are",
);
const SHOULD_RETRY: Parameter =
    Parameter::text("should-retry", "", "the header `x-should-retry`, as it is");
const MESSAGE: Parameter = Parameter::text("message", "", "the member `message`");
const TYPE: Parameter = Parameter::text("type", "", "the kind; `null` for null");
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

/// Puts an error in the place of the answer, as the family of the request says it.
pub(super) fn answer(draft: &mut Draft, preset: &Preset, fault: &Fault, scene: &Scene) {
    say(draft, &said::said(preset.name, scene.family), fault, scene);
}

fn say(draft: &mut Draft, said: &Said, fault: &Fault, scene: &Scene) {
    let problem = problem(said, fault, scene);
    let shape = match fault.word("shape") {
        "own" => said.shape,
        asked => asked,
    };
    let (content_type, body) = family::body(&problem, shape, scene);
    let usual = family::draft(&problem, scene);
    *draft = Draft::whole(problem.status, usual.headers, body);
    draft.set_header("content-type", content_type);
    for (name, value) in said.headers {
        draft.set_header(name, value);
    }
    set_headers(draft, fault, scene);
}

fn problem(said: &Said, fault: &Fault, scene: &Scene) -> Problem {
    let member = |name: &str, usual: Option<&str>| -> Option<Box<str>> {
        match fault.text(name) {
            Some("null") => None,
            Some(given) => Some(given.into()),
            None => usual.map(Into::into),
        }
    };
    let param = match said.param {
        // The same messages are called otherwise there.
        Some("messages") if scene.address == Address::Responses => Some("input"),
        usual => usual,
    };
    let message = fault.text("message").unwrap_or(said.message);
    let wait = match fault.text("retry-after") {
        Some("none") => None,
        Some(seconds) if scene.family == Family::Google => {
            let is_number = seconds
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
            let unit = if is_number { "s" } else { "" };
            Some(format!("{seconds}{unit}").into())
        }
        _ => said.wait.map(Into::into),
    };
    Problem {
        status: said.status,
        kind: member("type", said.kind),
        code: member("code", said.code),
        param: member("param", param),
        message: message.replace("{model}", &scene.model),
        wait,
        quota: said.quota,
        is_edge: said.is_edge,
    }
}

fn set_headers(draft: &mut Draft, fault: &Fault, scene: &Scene) {
    if fault.text("retry-after").is_some() {
        // The finer header would win over the one that was asked for.
        draft.remove_header("retry-after-ms");
    }
    let resets: &[&str] = match scene.family {
        Family::OpenAi => &["x-ratelimit-reset-requests", "x-ratelimit-reset-tokens"],
        Family::Anthropic => &[
            "anthropic-ratelimit-requests-reset",
            "anthropic-ratelimit-tokens-reset",
            "anthropic-ratelimit-input-tokens-reset",
            "anthropic-ratelimit-output-tokens-reset",
        ],
        Family::Google => &[],
    };
    let mut once = vec![
        ("retry-after-ms", "retry-after-ms"),
        ("should-retry", "x-should-retry"),
    ];
    if scene.family != Family::Google {
        once.push(("retry-after", "retry-after"));
    }
    once.extend(resets.iter().map(|header| ("reset", *header)));
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
    let usual = PRESETS
        .iter()
        .map(|preset| said::said(preset.name, scene.family))
        .find(|said| said.status == status);
    let said = usual.unwrap_or_else(|| said::any(status, scene.family));
    say(draft, &said, fault, scene);
    draft.status = status;
}

fn answer_as_given(draft: &mut Draft, fault: &Fault, scene: &Scene) {
    let content_type = fault.word("type");
    let body = fault.text("body").unwrap_or_default();
    let headers = family::headers(scene, content_type);
    let status = u16::try_from(fault.number("status"))
        .unwrap_or(999)
        .clamp(200, 999);
    *draft = Draft::whole(status, headers, body.to_owned());
    set_headers(draft, fault, scene);
}
