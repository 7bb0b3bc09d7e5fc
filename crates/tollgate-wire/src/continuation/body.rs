//! Changing a few places of a request's body, with every other byte kept.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use serde_json::Value;

use crate::json::{self, Count, Kind, Scanner};

/// The place of a value.
pub(super) type Place = Range<usize>;

/// A body with changes.
pub(super) struct Body<'a> {
    text: &'a str,
    changes: Vec<(Place, String)>,
}

impl<'a> Body<'a> {
    /// A body as it came.
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            changes: Vec::new(),
        }
    }

    /// The place of the body itself.
    pub(super) fn whole(&self) -> Place {
        0..self.text.len()
    }

    /// The members of the object at a place; `None` if there is none.
    pub(super) fn members(&self, place: &Place) -> Option<Vec<(Cow<'a, str>, Place)>> {
        let mut scanner = Scanner::new(self.text.get(place.clone())?);
        let mut members = Vec::new();
        let mut walk = scanner.object().ok()?;
        while let Some(name) = scanner.member(&mut walk).ok()? {
            let value = value(&mut scanner, place.start)?;
            members.push((name.decode()?, value));
        }
        Some(members)
    }

    /// The last item of the array at a place; `None` if there is none.
    pub(super) fn last_item(&self, place: &Place) -> Option<Place> {
        let mut scanner = Scanner::new(self.text.get(place.clone())?);
        let mut last = None;
        let mut walk = scanner.array().ok()?;
        while scanner.item(&mut walk).ok()? {
            last = Some(value(&mut scanner, place.start)?);
        }
        last
    }

    /// The kind of the value at a place.
    pub(super) fn kind(&self, place: &Place) -> Option<Kind> {
        Scanner::new(self.text.get(place.clone())?).kind().ok()
    }

    /// Whether the value at a place fulfils a condition.
    pub(super) fn is(&self, place: &Place, condition: impl Fn(&Value) -> bool) -> bool {
        let value = self.text.get(place.clone());
        let value = value.and_then(|value| serde_json::from_str(value).ok());
        value.is_some_and(|value| condition(&value))
    }

    /// Adds to the end of the text at a place.
    pub(super) fn lengthen(&mut self, place: &Place, more: &str) {
        let quoted = Value::from(more).to_string();
        let inner = quoted
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let end = place.end.saturating_sub(1);
        let inner = inner.unwrap_or_default().to_owned();
        self.changes.push((end..end, inner));
    }

    /// Puts a value behind the item of an array.
    pub(super) fn add_behind(&mut self, item: &Place, value: &Value) {
        self.changes.push((item.end..item.end, format!(",{value}")));
    }

    /// Puts another value at a place.
    pub(super) fn replace(&mut self, place: &Place, value: &Value) {
        self.changes.push((place.clone(), value.to_string()));
    }

    /// Lowers a bound by what is spent: to no less than 1, for a bound of nothing is none or an
    /// error. What is no bound stays.
    pub(super) fn lower(&mut self, place: &Place, spent: u64) {
        let Some(Kind::Number) = self.kind(place) else {
            return;
        };
        let number = self.text.get(place.clone()).unwrap_or_default();
        if let Count::Whole(bound @ 1..) = json::count(number) {
            let left = bound.saturating_sub(spent).max(1);
            self.replace(place, &left.into());
        }
    }

    /// The body with its changes.
    pub(super) fn into_bytes(mut self) -> Bytes {
        self.changes.sort_by_key(|(place, _)| place.start);
        let mut whole = String::with_capacity(
            self.text.len()
                + self
                    .changes
                    .iter()
                    .map(|(_, text)| text.len())
                    .sum::<usize>(),
        );
        let mut at = 0;
        for (place, text) in &self.changes {
            whole.push_str(self.text.get(at..place.start).unwrap_or_default());
            whole.push_str(text);
            at = place.end;
        }
        whole.push_str(self.text.get(at..).unwrap_or_default());
        whole.into()
    }
}

/// The place of the value that comes next, in a text that begins at `offset` of the body.
fn value(scanner: &mut Scanner<'_>, offset: usize) -> Option<Place> {
    scanner.kind().ok()?;
    let begin = scanner.position();
    scanner.skip().ok()?;
    Some(offset + begin..offset + scanner.position())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_places_that_are_changed_differ() {
        let text = r#" { "b\u0065" : 9 , "list":[1, {"t" : "a\"" } ] ,"n":1e2,"x":-3 } "#;
        let mut body = Body::new(text);
        let members = body.members(&body.whole()).unwrap();
        let names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["be", "list", "n", "x"]);
        body.lower(&members[2].1, 30);
        body.lower(&members[3].1, 30);
        body.lower(&members[0].1, 30);
        let item = body.last_item(&members[1].1).unwrap();
        let inner = body.members(&item).unwrap();
        body.lengthen(&inner[0].1, "\n\"ü");
        body.add_behind(&item, &true.into());
        let want = r#" { "b\u0065" : 1 , "list":[1, {"t" : "a\"\n\"ü" },true ] ,"n":70,"x":-3 } "#;
        assert_eq!(body.into_bytes(), want);
    }

    #[test]
    fn what_is_not_there_has_no_place() {
        let body = Body::new(r#"{"a":[],"b":1}"#);
        let members = body.members(&body.whole()).unwrap();
        assert_eq!(body.last_item(&members[0].1), None);
        assert_eq!(body.last_item(&members[1].1), None);
        assert!(body.members(&members[1].1).is_none());
        assert!(body.is(&members[1].1, |value| *value == 1));
    }
}
