//! The query of an address, as the few surfaces that read one see it.

use std::borrow::Cow;

use crate::percent;

/// The parameters of a query, in its order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// The query of an address, without its `?`.
    pub(crate) fn new(text: Option<&'a str>) -> Self {
        Self(text.unwrap_or_default())
    }

    /// Every parameter of this name, decoded. What is not UTF-8 then cannot be meant.
    pub(crate) fn all(self, name: &str) -> impl Iterator<Item = Cow<'a, str>> {
        self.pairs()
            .filter(move |(_, found, _)| *found == name)
            .filter_map(|(_, _, value)| percent::decode_value(value))
    }

    /// The names of all parameters, as they came.
    pub(crate) fn names(self) -> impl Iterator<Item = &'a str> {
        self.pairs().map(|(_, name, _)| name)
    }

    /// The first parameter of this name, decoded.
    pub(crate) fn first(self, name: &str) -> Option<Cow<'a, str>> {
        self.all(name).next()
    }

    /// The parameters of these names as they came; `None` if there are none.
    pub(crate) fn only(self, names: &[&str]) -> Option<Box<str>> {
        let kept: Vec<_> = self
            .pairs()
            .filter(|(_, name, _)| names.contains(name))
            .map(|(pair, _, _)| pair)
            .collect();
        (!kept.is_empty()).then(|| kept.join("&").into())
    }

    /// The parameters but those of this name, as they came.
    pub(crate) fn without(self, name: &str) -> String {
        let mut kept = String::new();
        for (pair, _, _) in self.pairs().filter(|(_, found, _)| *found != name) {
            kept.push_str(if kept.is_empty() { "" } else { "&" });
            kept.push_str(pair);
        }
        kept
    }

    /// Each parameter whole, its name, and its value as it came.
    fn pairs(self) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
        self.0
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (pair, name, value)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_by_their_names() {
        let query = Query::new(Some("key=sk%2D1&&alt=sse&key=b+c&beta"));
        assert_eq!(query.first("alt").as_deref(), Some("sse"));
        assert_eq!(query.first("beta").as_deref(), Some(""));
        assert_eq!(query.first("al"), None);
        let keys: Vec<_> = query.all("key").collect();
        assert_eq!(keys, ["sk-1", "b c"]);
        assert_eq!(Query::new(None).first("alt"), None);
    }

    #[test]
    fn what_goes_on_is_chosen_by_name_and_stays_as_it_came() {
        let query = Query::new(Some("a=1&beta=tr%75e&key=secret&beta=2"));
        assert_eq!(query.only(&["beta"]).as_deref(), Some("beta=tr%75e&beta=2"));
        assert_eq!(query.only(&["alt"]), None);
    }
}
