//! One failure at one request, as the dialects look at it.

use serde_json::{Map, Value};

use super::{Context, object, provider, sentence};
use crate::error::advice::Advice;
use crate::error::catalog::{Code, PROVIDER_MARK};
use crate::error::failure::{AttemptRecord, Detail, Failure, FieldProblem};
use crate::error::trail;
use crate::time::Timestamp;

/// What a dialect renders.
pub(super) struct Case<'a> {
    /// What failed.
    pub(super) failure: &'a Failure,
    /// At which request.
    pub(super) context: &'a Context<'a>,
    /// The code that the caller may see.
    pub(super) code: Code,
    /// What the caller is told about asking again.
    pub(super) advice: Advice,
}

impl Case<'_> {
    /// The whole sentence in our own words, the provider's text included where it helps.
    pub(super) fn sentence(&self) -> String {
        sentence::whole(self.failure)
    }

    /// The page that explains the code.
    pub(super) fn doc_url(&self) -> String {
        self.code.doc_url(self.context.public_url)
    }

    /// The code of family A, with the provider's name filled in.
    pub(super) fn family(&self) -> String {
        self.code
            .family()
            .replace(PROVIDER_MARK, &provider::in_capitals(self.failure))
    }

    /// The path of the first field at fault.
    pub(super) fn param(&self) -> Value {
        self.fields()
            .first()
            .map_or(Value::Null, |field| field.path.as_str().into())
    }

    /// The attempts that were made, without secrets, addresses and account ids.
    pub(super) fn attempts(&self) -> Option<Value> {
        let attempts = &self.failure.attempts;
        (!attempts.is_empty() && !self.is_of_missing_model())
            .then(|| attempts.iter().map(attempt).collect())
    }

    /// The same in one line, for places that hold nothing but text.
    pub(super) fn attempts_in_line(&self) -> Option<String> {
        let attempts = &self.failure.attempts;
        let line = trail::line(attempts.iter(), trail::LONGEST);
        (!line.is_empty() && !self.is_of_missing_model()).then_some(line)
    }

    /// What belongs beside the message `said`: what it leaves out, figures, what the provider
    /// said, the fields at fault, the attempts.
    pub(super) fn details(&self, said: &str) -> Map<String, Value> {
        let failure = self.failure;
        let mut details = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                details.insert(name.to_owned(), value);
            }
        };
        add("model", failure.model.as_deref().map(Value::from));
        if self.is_of_missing_model() {
            return details;
        }
        add(
            "explanation",
            sentence::explanation(failure, said).map(Value::from),
        );
        add("provider", provider::name(failure).map(Value::from));
        // That an answer began well explains nothing about the failure inside it.
        let status = failure.provider_status.filter(|status| *status >= 300);
        add("provider_status", status.map(Value::from));
        add(
            "provider_code",
            failure.provider_code.as_deref().map(Value::from),
        );
        add(
            "provider_message",
            sentence::provider_text(failure).map(Value::from),
        );
        for (name, value) in self.figures() {
            add(name, Some(figure(value)));
        }
        add("resets_at", self.resets_at().map(Value::from));
        let fields = self.fields();
        add(
            "fields",
            (!fields.is_empty()).then(|| fields.iter().map(field).collect()),
        );
        add("attempts", self.attempts());
        details
    }

    /// When the cause goes away, in RFC 3339, where that is known and a client should not sleep
    /// until then.
    pub(super) fn resets_at(&self) -> Option<String> {
        self.advice
            .resets_at()
            .or(self.failure.resets_at)
            .map(Timestamp::to_rfc3339)
    }

    /// The fields at fault.
    pub(super) fn fields(&self) -> &[FieldProblem] {
        if self.is_of_missing_model() {
            &[]
        } else {
            &self.failure.fields
        }
    }

    /// The figures and texts beside the message.
    pub(super) fn figures(&self) -> &[(&'static str, Detail)] {
        if self.is_of_missing_model() {
            &[]
        } else {
            &self.failure.details
        }
    }

    /// Whether the answer is that the model does not exist. Be it true or not, nothing but the
    /// model's name, which the caller sent, may stand beside it.
    const fn is_of_missing_model(&self) -> bool {
        matches!(self.code, Code::ModelNotFound | Code::ModelAccessDenied)
    }
}

/// The value of a figure or text.
pub(super) fn figure(value: &Detail) -> Value {
    match value {
        Detail::Text(text) => text.as_str().into(),
        Detail::Number(number) => (*number).into(),
    }
}

fn field(problem: &FieldProblem) -> Value {
    Value::Object(object([
        ("path", problem.path.as_str().into()),
        ("message", problem.message.as_str().into()),
        ("type", problem.kind.into()),
    ]))
}

fn attempt(record: &AttemptRecord) -> Value {
    let duration_ms = u64::try_from(record.duration.as_millis()).unwrap_or(u64::MAX);
    let mut attempt = object([
        ("connection", (*record.connection).into()),
        ("model", (*record.model).into()),
        ("code", record.code.map(Code::slug).into()),
        ("status", record.status.into()),
        ("duration_ms", duration_ms.into()),
    ]);
    // Without a code it would look like one that went well.
    if record.cancelled {
        attempt.insert("cancelled".into(), true.into());
    }
    Value::Object(attempt)
}
