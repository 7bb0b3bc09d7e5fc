//! The fields at fault, as they are found.

use std::fmt;

use tollgate_core::error::{Code, Failure, FieldProblem};

/// How many are named. A body of a million wrong messages is not worth a million lines.
const MOST: usize = 20;

/// Fields at fault, in the order in which they were met.
#[derive(Default)]
pub(crate) struct Faults {
    named: Vec<FieldProblem>,
    unnamed: usize,
}

impl Faults {
    pub(crate) fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// Notes a field: `what` completes the sentence that begins with its path. The path is
    /// written only when it is kept.
    pub(crate) fn add(&mut self, path: fmt::Arguments<'_>, kind: &'static str, what: &str) {
        if self.named.len() == MOST {
            self.unnamed += 1;
            return;
        }
        let path = path.to_string();
        let message = format!("`{path}` {what}.");
        self.named.push(FieldProblem {
            path,
            message,
            kind,
        });
    }

    /// The failure that names them all.
    pub(crate) fn into_failure(self, model: Option<&str>) -> Failure {
        let sentences: Vec<&str> = self.named.iter().map(|field| &*field.message).collect();
        let mut message = sentences.join(" ");
        if self.unnamed > 0 {
            message = format!("{message} {} more fields are at fault.", self.unnamed);
        }
        let mut failure = Failure::client(Code::InvalidRequest).message(message);
        failure.fields = self.named;
        failure.model = model.map(str::to_owned);
        failure
    }
}
