//! Pages of lists, and what else a query of the management API may say.

use serde_json::{Value, json};
use tollgate_core::error::{Code, Failure, FieldProblem};
use tollgate_core::time::Timestamp;

use crate::query::Query;

/// The most rows of one answer, and as many as it has where nothing is said.
const MOST: u64 = 1000;
/// The most rows that are passed over.
const FARTHEST: u64 = 1_000_000_000;

/// Which rows of a list are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// The most of them.
    pub(super) limit: u64,
    /// How many are passed over.
    pub(super) offset: u64,
}

impl Page {
    /// Whether a page of ours is asked for, where an address also answers as seed 001 has it.
    pub(super) fn is_wanted(query: Query<'_>) -> bool {
        let ours = ["limit", "offset", "organization"];
        ours.iter().any(|name| query.first(name).is_some())
    }

    /// Reads `limit` and `offset`.
    pub(super) fn read(query: Query<'_>) -> Result<Self, Failure> {
        Ok(Self {
            limit: number(query, "limit", 1, MOST)?.unwrap_or(MOST),
            offset: number(query, "offset", 0, FARTHEST)?.unwrap_or(0),
        })
    }

    /// The rows of this page, told with the page itself under the name of the list.
    pub(super) fn of<T>(self, name: &str, all: &[T], tell: impl Fn(&T) -> Value) -> Value {
        let length = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let rows = all.iter().skip(length(self.offset));
        let rows: Vec<Value> = rows.take(length(self.limit)).map(tell).collect();
        self.told(name, &rows, u64::try_from(all.len()).unwrap_or(u64::MAX))
    }

    /// The same of rows that were chosen elsewhere, out of so many.
    pub(super) fn told(self, name: &str, rows: &[Value], total: u64) -> Value {
        let shown = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let end = self.offset.saturating_add(shown);
        json!({
            name: rows,
            "pagination": {
                "total": total,
                "limit": self.limit,
                "offset": self.offset,
                "hasMore": end < total,
            },
        })
    }
}

/// A time of the query, as in RFC 3339.
pub(super) fn time(query: Query<'_>, name: &'static str) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = query.first(name) else {
        return Ok(None);
    };
    match text.parse::<jiff::Timestamp>() {
        Ok(time) => Ok(Some(Timestamp::from_millis(time.as_millisecond()))),
        Err(_) => Err(fault(
            name,
            "must be a time as in RFC 3339, for example 2030-01-31T12:00:00Z",
        )),
    }
}

/// A text of the query; an empty one is none.
pub(super) fn text(query: Query<'_>, name: &str) -> Option<Box<str>> {
    let text = query.first(name)?;
    (!text.is_empty()).then(|| text.into())
}

/// The failure of a parameter: `what` completes the sentence that begins with its name.
pub(super) fn fault(name: &str, what: &str) -> Failure {
    let message = format!("`{name}` {what}.");
    Failure::client(Code::InvalidRequest)
        .message(message.clone())
        .field(FieldProblem {
            path: name.to_owned(),
            message,
            kind: "value_error",
        })
}

fn number(
    query: Query<'_>,
    name: &'static str,
    least: u64,
    most: u64,
) -> Result<Option<u64>, Failure> {
    let Some(text) = query.first(name) else {
        return Ok(None);
    };
    let number = text.parse().ok();
    match number.filter(|number| (least..=most).contains(number)) {
        Some(number) => Ok(Some(number)),
        None => Err(fault(
            name,
            &format!("must be an integer from {least} to {most}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_where_it_is_and_whether_more_follows() {
        let all = [1, 2, 3, 4, 5];
        for (query, rows, more) in [
            ("", json!([1, 2, 3, 4, 5]), false),
            ("limit=2", json!([1, 2]), true),
            ("limit=2&offset=3", json!([4, 5]), false),
            ("limit=2&offset=9", json!([]), false),
        ] {
            let page = Page::read(Query::new(Some(query))).unwrap();
            let told = page.of("numbers", &all, |number| json!(number));
            assert_eq!(told["numbers"], rows, "{query}");
            assert_eq!(told["pagination"]["hasMore"], more, "{query}");
            assert_eq!(told["pagination"]["total"], 5);
        }
        for query in ["limit=0", "limit=1001", "limit=x", "offset=-1", "limit="] {
            let failure = Page::read(Query::new(Some(query))).unwrap_err();
            assert_eq!(failure.code, Code::InvalidRequest, "{query}");
            assert_eq!(failure.fields.len(), 1, "{query}");
        }
    }
}
