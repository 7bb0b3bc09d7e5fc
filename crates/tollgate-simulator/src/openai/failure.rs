//! Errors in the shapes in which OpenAI and servers of its format send them.

use serde_json::{Value, json};

use super::headers;
use crate::draft::Draft;

/// An error that the provider answers with.
pub(crate) struct Preset {
    /// The name of its row in the fault table.
    pub(crate) name: &'static str,
    /// What a client sees, in one sentence.
    pub(crate) does: &'static str,
    /// The status.
    pub(crate) status: u16,
    /// The member `type`.
    pub(crate) kind: Option<&'static str>,
    /// The member `code`.
    pub(crate) code: Option<&'static str>,
    /// The member `param`.
    pub(crate) param: Option<&'static str>,
    /// The member `message`; `{model}` stands for the model that was asked for.
    pub(crate) message: &'static str,
    /// The shape of the body.
    pub(crate) shape: &'static str,
    /// Headers beside the usual ones.
    pub(crate) headers: &'static [(&'static str, &'static str)],
}

/// The shapes that error bodies have; the names are those of the parameter `shape`.
pub(crate) const SHAPES: &[&str] = &[
    "own", "openai", "azure", "vllm", "string", "detail", "html", "text", "empty",
];

/// The parts of an error, filled in.
pub(crate) struct Problem {
    /// The status.
    pub(crate) status: u16,
    /// The member `type`.
    pub(crate) kind: Option<String>,
    /// The member `code`.
    pub(crate) code: Option<String>,
    /// The member `param`.
    pub(crate) param: Option<String>,
    /// The member `message`.
    pub(crate) message: String,
}

impl Problem {
    /// A request that the simulator itself refuses.
    pub(crate) fn invalid(status: u16, param: Option<&str>, message: &str) -> Self {
        Self {
            status,
            kind: Some("invalid_request_error".to_owned()),
            code: None,
            param: param.map(str::to_owned),
            message: message.to_owned(),
        }
    }

    /// The object that describes the error.
    pub(crate) fn object(&self) -> Value {
        json!({
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        })
    }

    /// The answer to the caller.
    pub(crate) fn draft(&self, number: u64, seed: u64) -> Draft {
        let (content_type, body) = self.body("openai");
        Draft::whole(
            self.status,
            headers::common(number, seed, content_type),
            body,
        )
    }

    /// The content type and the body in one of the shapes.
    pub(crate) fn body(&self, shape: &str) -> (&'static str, String) {
        let json = |value: &Value| ("application/json", pretty(value));
        match shape {
            "azure" => json(&json!({"error": self.azure()})),
            "vllm" => json(&json!({
                "object": "error",
                "message": self.message,
                "type": "BadRequestError",
                "param": self.param,
                "code": self.status,
            })),
            "string" => json(&json!({"error": self.message})),
            "detail" => json(&json!({"detail": self.message})),
            "html" => ("text/html; charset=UTF-8", html(self.status, &self.message)),
            "text" => ("text/plain; charset=utf-8", self.message.clone()),
            "empty" => ("application/json", String::new()),
            _ => json(&json!({"error": self.object()})),
        }
    }

    fn azure(&self) -> Value {
        let safe = json!({"filtered": false, "severity": "safe"});
        json!({
            "message": self.message,
            "type": null,
            "param": self.param,
            "code": self.code,
            "status": self.status,
            "innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": {
                    "hate": safe,
                    "self_harm": safe,
                    "sexual": safe,
                    "violence": {"filtered": true, "severity": "high"},
                },
            },
        })
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// A page as proxies in front of providers send it.
pub(crate) fn html(status: u16, message: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>api.simulated.example | {status}: \
         {message}</title>\n<meta charset=\"UTF-8\" />\n</head>\n<body>\n<h1>Error {status}</h1>\n\
         <p>{message}</p>\n<p>cf-simulated</p>\n</body>\n</html>\n"
    )
}
