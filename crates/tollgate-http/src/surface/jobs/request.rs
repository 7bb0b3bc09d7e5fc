//! Reads the bodies of jobs as the service of seed 001 does: members that nobody knows are passed
//! over, and what is missing or of the wrong kind is named, all at once.

use bytes::Bytes;
use serde_json::{Map, Value};
use tollgate_core::error::{Code, Failure, FieldProblem};

use super::LONGEST_NAME;

/// Members of a call that are not for the model.
const OURS: [&str; 9] = [
    "model",
    "model_group",
    "purpose",
    "call_metadata",
    "team_id",
    "job_type",
    "user_id",
    "job_metadata",
    "stream",
];

/// A body that is being read, and the faults found so far.
pub(super) struct Body {
    members: Map<String, Value>,
    faults: Vec<FieldProblem>,
}

/// What a call says.
pub(super) struct Asked {
    /// The model, or the group of models, if it names one.
    pub(super) model: Option<String>,
    /// What it is for.
    pub(super) purpose: Option<String>,
    /// What is added to the metadata of its job when it went well.
    pub(super) metadata: Map<String, Value>,
    /// Everything that is for the model.
    rest: Map<String, Value>,
}

impl Body {
    /// Reads a body. Fails where it is no JSON object.
    pub(super) fn read(body: &[u8]) -> Result<Self, Failure> {
        let value: Value = serde_json::from_slice(body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Failure::client(Code::MalformedJson).message(format!(
                "The body is not valid JSON at line {line}, column {column}."
            ))
        })?;
        let mut this = Self {
            members: Map::new(),
            faults: Vec::new(),
        };
        match value {
            Value::Object(members) => this.members = members,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => {
                this.fault("", "dict_type", "The body must be a JSON object.");
                this.finish_faults()?;
            }
        }
        Ok(this)
    }

    fn fault(&mut self, path: &str, kind: &'static str, message: &str) {
        self.faults.push(FieldProblem {
            path: path.to_owned(),
            message: message.to_owned(),
            kind,
        });
    }

    /// A member; `null` counts as absent.
    fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn lacks(&mut self, name: &'static str) -> bool {
        let lacks = self.get(name).is_none();
        if lacks {
            self.fault(name, "missing", &format!("`{name}` is missing."));
        }
        lacks
    }

    /// A text of at most so many characters.
    pub(super) fn text(&mut self, name: &'static str, longest: usize) -> Option<String> {
        let Some(text) = self.get(name)?.as_str().map(ToOwned::to_owned) else {
            self.fault(name, "string_type", "str type expected");
            return None;
        };
        if text.chars().count() > longest {
            let what = format!("ensure this value has at most {longest} characters");
            self.fault(name, "string_too_long", &what);
            return None;
        }
        Some(text)
    }

    /// A text that has to be there; empty where it is not, which is a fault.
    pub(super) fn required_text(&mut self, name: &'static str, longest: usize) -> String {
        if self.lacks(name) {
            return String::new();
        }
        self.text(name, longest).unwrap_or_default()
    }

    /// One of a few words, which has to be there.
    pub(super) fn required_word(&mut self, name: &'static str, words: &[&'static str]) -> String {
        let found = self.required_text(name, LONGEST_NAME);
        let is_said = self.get(name).is_some_and(Value::is_string);
        if is_said && !words.contains(&&*found) {
            let what = format!("must be one of: {}", words.join(", "));
            self.fault(name, "value_error.const", &what);
        }
        found
    }

    /// An object.
    pub(super) fn object(&mut self, name: &'static str) -> Option<Map<String, Value>> {
        let Some(object) = self.get(name)?.as_object().cloned() else {
            self.fault(name, "dict_type", "value is not a valid dict");
            return None;
        };
        Some(object)
    }

    /// An object that has to be there.
    pub(super) fn required_object(&mut self, name: &'static str) -> Map<String, Value> {
        if self.lacks(name) {
            return Map::new();
        }
        self.object(name).unwrap_or_default()
    }

    /// What a call says, and what kinds its parameters are of.
    pub(super) fn call(&mut self) -> Asked {
        let model = self.text("model", LONGEST_NAME);
        let group = self.text("model_group", LONGEST_NAME);
        let purpose = self.text("purpose", LONGEST_NAME);
        let metadata = self.object("call_metadata").unwrap_or_default();
        self.lacks("messages");
        self.check_parameters();
        let mut rest = Map::new();
        for (name, value) in &self.members {
            if !value.is_null() && !OURS.contains(&name.as_str()) {
                rest.insert(name.clone(), value.clone());
            }
        }
        Asked {
            model: model.or(group).filter(|name| !name.is_empty()),
            purpose,
            metadata,
            rest,
        }
    }

    fn check_parameters(&mut self) {
        type Is = fn(&Value) -> bool;
        let is_stop: Is = |value| match value {
            Value::String(_) => true,
            Value::Array(texts) => texts.iter().all(Value::is_string),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
        };
        let kinds: [(&'static str, Is, &'static str, &str); 9] = [
            (
                "messages",
                Value::is_array,
                "list_type",
                "value is not a valid list",
            ),
            (
                "temperature",
                Value::is_number,
                "float_type",
                "value is not a valid float",
            ),
            (
                "top_p",
                Value::is_number,
                "float_type",
                "value is not a valid float",
            ),
            (
                "frequency_penalty",
                Value::is_number,
                "float_type",
                "value is not a valid float",
            ),
            (
                "presence_penalty",
                Value::is_number,
                "float_type",
                "value is not a valid float",
            ),
            (
                "max_tokens",
                Value::is_u64,
                "int_type",
                "value is not a valid integer",
            ),
            (
                "response_format",
                Value::is_object,
                "dict_type",
                "value is not a valid dict",
            ),
            (
                "tools",
                Value::is_array,
                "list_type",
                "value is not a valid list",
            ),
            ("stop", is_stop, "list_type", "value is not a valid list"),
        ];
        for (name, is, kind, message) in kinds {
            if self.get(name).is_some_and(|value| !is(value)) {
                self.fault(name, kind, message);
            }
        }
    }

    /// A model that is needed and that nobody names.
    pub(super) fn no_model(&mut self) {
        let message = "`model` is missing, and there is no default model.";
        self.fault("model", "missing", message);
    }

    /// Ends the reading: fails if there was a fault.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.finish_faults()
    }

    fn finish_faults(&mut self) -> Result<(), Failure> {
        if self.faults.is_empty() {
            return Ok(());
        }
        let sentences: Vec<&str> = self.faults.iter().map(|it| &*it.message).collect();
        let mut failure = Failure::client(Code::InvalidRequest).message(sentences.join(" "));
        failure.fields = std::mem::take(&mut self.faults);
        Err(failure)
    }
}

impl Asked {
    /// The same as a request for a chat.
    pub(super) fn chat(&self, model: &str, stream: bool) -> Bytes {
        let mut chat = self.rest.clone();
        chat.insert("model".to_owned(), model.into());
        if stream {
            chat.insert("stream".to_owned(), true.into());
            let options = chat.entry("stream_options");
            let options = options.or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(options) = options {
                // The last event of a job's stream says what was used.
                options.insert("include_usage".to_owned(), true.into());
            }
        } else {
            chat.remove("stream_options");
        }
        Value::Object(chat).to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(body: &str) -> Vec<(String, &'static str)> {
        let mut fields = Body::read(body.as_bytes()).unwrap();
        fields.call();
        let failure = fields.finish().err();
        let faults = failure.iter().flat_map(|failure| &failure.fields);
        faults.map(|it| (it.path.clone(), it.kind)).collect()
    }

    #[test]
    fn what_is_of_the_wrong_kind_is_named() {
        for (body, path, kind) in [
            (r"{}", "messages", "missing"),
            (r#"{"messages":null}"#, "messages", "missing"),
            (r#"{"messages":"hi"}"#, "messages", "list_type"),
            (r#"{"messages":[],"model":1}"#, "model", "string_type"),
            (
                r#"{"messages":[],"temperature":"hot"}"#,
                "temperature",
                "float_type",
            ),
            (
                r#"{"messages":[],"max_tokens":1.5}"#,
                "max_tokens",
                "int_type",
            ),
            (r#"{"messages":[],"stop":[1]}"#, "stop", "list_type"),
            (r#"{"messages":[],"tools":{}}"#, "tools", "list_type"),
            (
                r#"{"messages":[],"response_format":"json"}"#,
                "response_format",
                "dict_type",
            ),
            (
                r#"{"messages":[],"call_metadata":[]}"#,
                "call_metadata",
                "dict_type",
            ),
        ] {
            assert_eq!(faults(body), [(path.to_owned(), kind)], "{body}");
        }
        let good = r#"{"messages":[],"stop":"x","temperature":1,"max_tokens":null,"other":7}"#;
        assert_eq!(faults(good), []);
    }

    #[test]
    fn what_is_for_the_model_goes_on_and_nothing_else() {
        let body = br#"{"messages":[1],"model_group":"g","purpose":"p","temperature":null,
            "call_metadata":{"a":1},"team_id":"t","seed":7,"stream":false}"#;
        let mut fields = Body::read(body).unwrap();
        let asked = fields.call();
        assert_eq!(asked.model.as_deref(), Some("g"));
        let chat: Value = serde_json::from_slice(&asked.chat("g", false)).unwrap();
        assert_eq!(
            chat,
            serde_json::json!({"messages": [1], "model": "g", "seed": 7})
        );
        let chat: Value = serde_json::from_slice(&asked.chat("g", true)).unwrap();
        assert_eq!(chat["stream_options"]["include_usage"], true);
    }
}
