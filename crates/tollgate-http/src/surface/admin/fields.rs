//! Reads the body of an admin call strictly: a member that nobody knows, that occurs twice
//! or that is of the wrong kind is a fault, and all faults are named at once.

mod whole;

use std::fmt;
use std::ops::RangeInclusive;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Value};
use tollgate_core::error::{Code, Failure, FieldProblem};

use self::whole::Whole;

/// How many faults are named; a body of a million unknown members is not worth a million lines.
const MOST: usize = 20;
/// How much of the name of an unknown member is repeated.
const LONGEST_NAME: usize = 64;

/// The members of a body that have not been asked for yet, and the faults found so far.
pub(super) struct Fields {
    /// What paths of members begin with: `limits.` in an object within the body.
    prefix: String,
    members: Vec<(String, Value)>,
    known: Vec<&'static str>,
    faults: Vec<FieldProblem>,
    unnamed: usize,
}

impl Fields {
    /// Reads a body. Fails when it is no JSON object.
    pub(super) fn read(body: &[u8]) -> Result<Self, Failure> {
        if body.trim_ascii().is_empty() {
            return Err(Failure::client(Code::MalformedJson)
                .message("The body is empty; a JSON object is expected."));
        }
        let Members(members) = serde_json::from_slice(body).map_err(|error| not_read(&error))?;
        let mut fields = Self::within(String::new(), Vec::with_capacity(members.len()));
        for (name, value) in members {
            if fields.members.iter().any(|(other, _)| *other == name) {
                fields.fault(&shortened(&name), "value_error", "occurs twice");
            } else {
                fields.members.push((name, value));
            }
        }
        Ok(fields)
    }

    /// Reads a body that is an object, or an array that stands for the one member of this name.
    pub(super) fn read_list(body: &[u8], name: &'static str) -> Result<Self, Failure> {
        if !body.trim_ascii_start().starts_with(b"[") {
            return Self::read(body);
        }
        let Whole(list) = serde_json::from_slice(body).map_err(|error| not_read(&error))?;
        Ok(Self::within(String::new(), vec![(name.to_owned(), list)]))
    }

    /// Takes every member as it is.
    pub(super) fn everything(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.members).into_iter().collect()
    }

    /// Passes over the members that nobody asked for.
    pub(super) fn pass_over(&mut self) {
        self.members.clear();
    }

    fn within(prefix: String, members: Vec<(String, Value)>) -> Self {
        Self {
            prefix,
            members,
            known: Vec::new(),
            faults: Vec::new(),
            unnamed: 0,
        }
    }

    /// Notes a fault: `what` completes the sentence that begins with the path.
    pub(super) fn fault(&mut self, path: &str, kind: &'static str, what: &str) {
        let message = format!("`{}{path}` {what}.", self.prefix);
        self.fault_saying(path, kind, message);
    }

    /// Notes a fault in words that stand for themselves.
    pub(super) fn fault_saying(&mut self, path: &str, kind: &'static str, message: String) {
        if self.faults.len() == MOST {
            self.unnamed += 1;
            return;
        }
        let path = format!("{}{path}", self.prefix);
        self.faults.push(FieldProblem {
            path,
            message,
            kind,
        });
    }

    /// Takes a member out; `null` counts as absent.
    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        let at = self.members.iter().position(|(member, _)| member == name)?;
        Some(self.members.remove(at).1).filter(|value| !value.is_null())
    }

    /// Takes a text of at most `longest` characters, none of them a control character.
    pub(super) fn text(&mut self, name: &'static str, longest: usize) -> Option<String> {
        let value = self.take(name)?;
        let Value::String(text) = value else {
            self.fault(name, "string_type", "must be a string");
            return None;
        };
        let length = text.chars().count();
        if text.trim().is_empty() {
            self.fault(name, "string_too_short", "must not be empty");
        } else if length > longest {
            let what = format!("must have at most {longest} characters, not {length}");
            self.fault(name, "string_too_long", &what);
        } else if text.chars().any(char::is_control) {
            self.fault(name, "value_error", "must not hold control characters");
        } else {
            return Some(text);
        }
        None
    }

    /// Takes `true` or `false`, which has to be there.
    pub(super) fn required_boolean(&mut self, name: &'static str) -> Option<bool> {
        if self.lacks(name) {
            return None;
        }
        let value = self.take(name)?;
        if !value.is_boolean() {
            self.fault(name, "bool_type", "must be true or false");
        }
        value.as_bool()
    }

    /// Takes a text that has to be there.
    pub(super) fn required_text(&mut self, name: &'static str, longest: usize) -> Option<String> {
        if self.lacks(name) {
            return None;
        }
        self.text(name, longest)
    }

    /// Takes an integer of this range.
    pub(super) fn integer(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = self.take(name)?;
        let (least, most) = (*range.start(), *range.end());
        let Value::Number(number) = value else {
            self.fault(name, "int_type", "must be an integer");
            return None;
        };
        if let Some(number) = number.as_u64().filter(|number| range.contains(number)) {
            return Some(number);
        }
        let what = format!("must be an integer from {least} to {most}, not {number}");
        let too_large = number.as_f64().is_some_and(|number| number > most as f64);
        let kind = if number.is_f64() {
            "int_type"
        } else if too_large {
            "less_than_equal"
        } else {
            "greater_than_equal"
        };
        self.fault(name, kind, &what);
        None
    }

    /// Takes an integer that has to be there.
    pub(super) fn required_integer(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        if self.lacks(name) {
            return None;
        }
        self.integer(name, range)
    }

    /// Takes a number as the decimal number that it was written as.
    pub(super) fn decimal(&mut self, name: &'static str) -> Option<String> {
        let Value::Number(number) = self.take(name)? else {
            self.fault(name, "float_type", "must be a number");
            return None;
        };
        Some(number.to_string())
    }

    /// Takes such a number, which has to be there.
    pub(super) fn required_decimal(&mut self, name: &'static str) -> Option<String> {
        if self.lacks(name) {
            return None;
        }
        self.decimal(name)
    }

    /// Takes `true` or `false`.
    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let value = self.take(name)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.fault(name, "bool_type", "must be true or false");
        }
        flag
    }

    /// Takes a list of at least one and at most `most` texts, each of which `check` finds good:
    /// what it returns completes the sentence that begins with the text's path.
    pub(super) fn texts(
        &mut self,
        name: &'static str,
        most: usize,
        check: impl Fn(&str) -> Result<(), &'static str>,
    ) -> Option<Vec<String>> {
        let texts = self.any_texts(name, most, check)?;
        if texts.is_none() {
            let what = "must not be empty; leave it out for everything";
            self.fault(name, "too_short", what);
        }
        texts
    }

    /// Takes a list of at most `most` texts, each of which `check` finds good.
    pub(super) fn list(
        &mut self,
        name: &'static str,
        most: usize,
        check: impl Fn(&str) -> Result<(), &'static str>,
    ) -> Vec<String> {
        let texts = self.any_texts(name, most, check);
        texts.flatten().unwrap_or_default()
    }

    /// The texts of a list; `Some(None)` for an empty one.
    #[expect(
        clippy::option_option,
        reason = "absent, empty and filled are told apart"
    )]
    fn any_texts(
        &mut self,
        name: &'static str,
        most: usize,
        check: impl Fn(&str) -> Result<(), &'static str>,
    ) -> Option<Option<Vec<String>>> {
        let value = self.take(name)?;
        let Value::Array(items) = value else {
            self.fault(name, "list_type", "must be an array of strings");
            return None;
        };
        if items.is_empty() {
            return Some(None);
        }
        if items.len() > most {
            let what = format!("must have at most {most} items, not {}", items.len());
            self.fault(name, "too_long", &what);
            return None;
        }
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let path = format!("{name}[{index}]");
            let Value::String(text) = item else {
                self.fault(&path, "string_type", "must be a string");
                continue;
            };
            match check(&text) {
                Ok(()) => texts.push(text),
                Err(what) => self.fault(&path, "value_error", what),
            }
        }
        Some(Some(texts))
    }

    /// Whether a member is there, `null` included: what is named and what is not are told apart.
    pub(super) fn names(&self, name: &str) -> bool {
        self.members.iter().any(|(member, _)| member == name)
    }

    /// Whether a member is there and `null`.
    pub(super) fn names_null(&self, name: &str) -> bool {
        let mut members = self.members.iter();
        members.any(|(member, value)| member == name && value.is_null())
    }

    /// Knows a member without reading it.
    pub(super) fn skip(&mut self, name: &'static str) {
        if self.known.contains(&name) {
            return;
        }
        self.take(name);
    }

    /// Takes an object, whose members `read` asks for.
    pub(super) fn object<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Fields) -> T,
    ) -> Option<T> {
        let Value::Object(members) = self.take(name)? else {
            self.fault(name, "dict_type", "must be an object");
            return None;
        };
        Some(self.inner(name, members, read))
    }

    /// Takes a list of at most `most` objects, whose members `read` asks for.
    pub(super) fn objects<T>(
        &mut self,
        name: &'static str,
        most: usize,
        read: impl Fn(&mut Fields) -> T,
    ) -> Option<Vec<T>> {
        let Value::Array(items) = self.take(name)? else {
            self.fault(name, "list_type", "must be an array of objects");
            return None;
        };
        if items.len() > most {
            let what = format!("must have at most {most} items, not {}", items.len());
            self.fault(name, "too_long", &what);
            return None;
        }
        let mut all = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let path = format!("{name}[{index}]");
            match item {
                Value::Object(members) => all.push(self.inner(&path, members, &read)),
                _ => self.fault(&path, "dict_type", "must be an object"),
            }
        }
        Some(all)
    }

    fn inner<T>(
        &mut self,
        path: &str,
        members: Map<String, Value>,
        read: impl FnOnce(&mut Fields) -> T,
    ) -> T {
        let prefix = format!("{}{path}.", self.prefix);
        let mut inner = Self::within(prefix, members.into_iter().collect());
        let given = read(&mut inner);
        inner.refuse_unknown();
        self.unnamed += inner.unnamed;
        for fault in inner.faults {
            if self.faults.len() == MOST {
                self.unnamed += 1;
            } else {
                self.faults.push(fault);
            }
        }
        given
    }

    /// Members that nobody asked for are faults.
    fn refuse_unknown(&mut self) {
        let known = self.known.join(", ");
        for (name, _) in std::mem::take(&mut self.members) {
            let what = format!("is not known here; known are {known}");
            self.fault(&shortened(&name), "extra_forbidden", &what);
        }
    }

    /// Fails with every fault. Members that nobody asked for are passed over, as the server of
    /// seed 001 does.
    pub(super) fn finish_leniently(mut self) -> Result<(), Failure> {
        self.members.clear();
        self.finish()
    }

    /// Fails with every fault, members that nobody asked for included.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.refuse_unknown();
        if self.faults.is_empty() {
            return Ok(());
        }
        let sentences: Vec<&str> = self.faults.iter().map(|field| &*field.message).collect();
        let mut message = sentences.join(" ");
        if self.unnamed > 0 {
            message = format!("{message} {} more fields are at fault.", self.unnamed);
        }
        let mut failure = Failure::client(Code::InvalidRequest).message(message);
        failure.fields = self.faults;
        Err(failure)
    }

    fn lacks(&mut self, name: &'static str) -> bool {
        let given = self
            .members
            .iter()
            .any(|(member, value)| member == name && !value.is_null());
        if !given {
            // Known all the same, for the list that unknown members are shown.
            self.take(name);
            self.fault(name, "missing", "is missing");
        }
        !given
    }
}

/// The members of an object in their order, twins included: a map would keep one of them and
/// nobody could say which one was meant.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some((name, Whole(value))) = map.next_entry()? {
            // Far more than any call has; comparing each with each stays cheap.
            if members.len() == 256 {
                return Err(A::Error::custom("more than 256 members"));
            }
            members.push((name, value));
        }
        Ok(Members(members))
    }
}

fn not_read(error: &serde_json::Error) -> Failure {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Data => Failure::client(Code::InvalidRequest).message(
            "The body must be a JSON object of at most 256 members, and no member of an \
                 object in it may occur twice.",
        ),
        Category::Syntax | Category::Eof | Category::Io => {
            let message = format!("The body is not valid JSON at line {line}, column {column}.");
            Failure::client(Code::MalformedJson).message(message)
        }
    }
}

fn shortened(name: &str) -> String {
    name.chars()
        .take(LONGEST_NAME)
        .flat_map(char::escape_debug)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(body: &str, ask: impl FnOnce(&mut Fields)) -> Vec<(String, &'static str)> {
        let mut fields = Fields::read(body.as_bytes()).unwrap();
        ask(&mut fields);
        let failure = fields.finish().err();
        let faults = failure.iter().flat_map(|failure| &failure.fields);
        faults
            .map(|fault| (fault.path.clone(), fault.kind))
            .collect()
    }

    #[test]
    fn what_is_no_object_is_told_apart_from_what_is_no_json() {
        for (body, code, said) in [
            ("", Code::MalformedJson, "empty"),
            (
                "{\"name\": \"a\",\n}",
                Code::MalformedJson,
                "line 2, column 1",
            ),
            ("{\"name\"", Code::MalformedJson, "line 1"),
            ("{} {}", Code::MalformedJson, "column 4"),
            ("{\"a\": \"\u{0}\"}", Code::MalformedJson, "line 1"),
            ("[]", Code::InvalidRequest, "JSON object"),
            ("null", Code::InvalidRequest, "JSON object"),
        ] {
            let failure = Fields::read(body.as_bytes()).err().unwrap();
            assert_eq!(failure.code, code, "{body}");
            assert!(
                failure.message.as_ref().unwrap().contains(said),
                "{failure}"
            );
        }
        let deep = "[".repeat(100_000);
        assert!(Fields::read(format!("{{\"a\":{deep}").as_bytes()).is_err());
        let many: Vec<String> = (0..257).map(|number| format!("\"{number}\":1")).collect();
        assert!(Fields::read(format!("{{{}}}", many.join(",")).as_bytes()).is_err());
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let body = r#"{"name": 1, "models": ["ok", 2, "bad"], "days": 0, "extra": null}"#;
        let found = faults(body, |fields| {
            fields.text("name", 10);
            fields.texts("models", 10, |text| {
                if text == "ok" { Ok(()) } else { Err("is bad") }
            });
            fields.integer("days", 1..=9);
            fields.required_integer("hours", 1..=9);
        });
        let expected = [
            ("name", "string_type"),
            ("models[1]", "string_type"),
            ("models[2]", "value_error"),
            ("days", "greater_than_equal"),
            ("hours", "missing"),
            ("extra", "extra_forbidden"),
        ];
        assert_eq!(found, expected.map(|(path, kind)| (path.to_owned(), kind)));
    }

    #[test]
    fn a_member_that_stands_there_twice_is_a_fault_also_through_escapes() {
        for body in [
            r#"{"name":"a","name":"a"}"#,
            r#"{"name":"a","n\u0061me":"b"}"#,
        ] {
            let found = faults(body, |fields| {
                fields.text("name", 10);
            });
            assert_eq!(found, [("name".to_owned(), "value_error")], "{body}");
        }
    }

    #[test]
    fn numbers_and_texts_keep_to_their_bounds() {
        for (body, kind) in [
            (r#"{"n":1}"#, None),
            (r#"{"n":9}"#, None),
            (r#"{"n":null}"#, None),
            (r#"{"n":10}"#, Some("less_than_equal")),
            (r#"{"n":1e300}"#, Some("int_type")),
            (r#"{"n":-1}"#, Some("greater_than_equal")),
            (r#"{"n":1.5}"#, Some("int_type")),
            (r#"{"n":"1"}"#, Some("int_type")),
        ] {
            let found = faults(body, |fields| {
                fields.integer("n", 1..=9);
            });
            assert_eq!(found.first().map(|(_, kind)| *kind), kind, "{body}");
        }
        for (body, kind) in [
            (r#"{"t":"äöü"}"#, None),
            (r#"{"t":"äöüß"}"#, Some("string_too_long")),
            (r#"{"t":" "}"#, Some("string_too_short")),
            (r#"{"t":"a\nb"}"#, Some("value_error")),
            (r#"{"t":["a"]}"#, Some("string_type")),
        ] {
            let found = faults(body, |fields| {
                fields.text("t", 3);
            });
            assert_eq!(found.first().map(|(_, kind)| *kind), kind, "{body}");
        }
    }

    #[test]
    fn the_list_of_faults_is_bounded_and_names_are_shortened() {
        let many: Vec<String> = (0..200)
            .map(|number| format!("\"{number:0>900}\":1"))
            .collect();
        let fields = Fields::read(format!("{{{}}}", many.join(",")).as_bytes()).unwrap();
        let failure = fields.finish().unwrap_err();
        assert_eq!(failure.fields.len(), MOST);
        let message = failure.message.as_ref().unwrap();
        assert!(message.contains("180 more fields"), "{message}");
        assert!(message.len() < 5000, "{}", message.len());
    }
}
