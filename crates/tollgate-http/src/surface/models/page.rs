//! A part of the list of models.

use tollgate_core::error::{Code, Failure, FieldProblem};

use super::Shown;
use crate::query::Query;

/// Some models that stand one behind the other.
pub(super) struct Page<'a, 'm> {
    pub(super) models: &'a [Shown<'m>],
    /// Whether there are more in the direction in which the caller turns the pages.
    pub(super) more: bool,
}

impl<'a, 'm> Page<'a, 'm> {
    /// At most `size` models from this place on.
    pub(super) fn from(all: &'a [Shown<'m>], place: usize, size: usize) -> Self {
        let rest = all.get(place..).unwrap_or_default();
        Self {
            models: rest.get(..size).unwrap_or(rest),
            more: rest.len() > size,
        }
    }

    /// The last models before this place, at most `size` of them.
    pub(super) fn before(all: &'a [Shown<'m>], place: usize, size: usize) -> Self {
        let begin = place.saturating_sub(size);
        Self {
            models: all.get(begin..place).unwrap_or_default(),
            more: begin > 0,
        }
    }
}

/// The place of the model that a parameter names; `None` without that parameter.
pub(super) fn place(
    models: &[Shown<'_>],
    query: Query<'_>,
    parameter: &'static str,
) -> Result<Option<usize>, Failure> {
    let Some(name) = query.first(parameter).filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    let place = models.iter().position(|model| model.name == name);
    match place {
        Some(place) => Ok(Some(place)),
        None => Err(fault(parameter, "does not name a model of the list")),
    }
}

/// The number that a parameter gives, if it is one.
pub(super) fn size(text: &str) -> Option<usize> {
    text.parse().ok()
}

/// The failure that names a parameter; `what` completes the sentence that begins with its name.
pub(super) fn fault(parameter: &'static str, what: &str) -> Failure {
    let message = format!("`{parameter}` {what}.");
    Failure::client(Code::InvalidRequest)
        .message(message.as_str())
        .field(FieldProblem {
            path: parameter.to_owned(),
            message,
            kind: "value_error",
        })
}

#[cfg(test)]
pub(super) mod tests {
    use tollgate_core::model::ModelFacts;

    use super::*;

    /// So many names of models, `m/0`, `m/1` and so on.
    pub(in crate::surface::models) fn names(count: usize) -> Vec<String> {
        (0..count).map(|index| format!("m/{index}")).collect()
    }

    static FACTS: ModelFacts = ModelFacts {
        context_window: None,
        max_output: None,
        price: None,
    };

    /// Models of these names.
    pub(in crate::surface::models) fn models(names: &[String]) -> Vec<Shown<'_>> {
        let connection = "c";
        let model = |name| Shown {
            name,
            connection,
            facts: &FACTS,
        };
        names.iter().map(String::as_str).map(model).collect()
    }
}
