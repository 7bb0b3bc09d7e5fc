//! Ids of calls. Older models give none, so ids are made here, and known again as such: they mean
//! nothing to Google.

use std::collections::{HashMap, VecDeque};
use std::hash::Hasher;

/// What ids begin with that were made here.
const MADE: &str = "call_tg_";

/// Whether an id was made here.
pub(super) fn is_made(id: &str) -> bool {
    id.starts_with(MADE)
}

/// The id of a call in a caller's conversation, by its number there.
pub(super) fn numbered(number: usize) -> String {
    format!("{MADE}{number}")
}

/// The id of a call in an answer. As ids of all answers of a conversation come together in one
/// history, where none may occur twice, it is made from all that tells the call apart.
pub(super) fn of_answer(response: &str, index: usize, name: &str, arguments: &str) -> String {
    let mut hash = Fnv::default();
    for part in [response, name, arguments] {
        hash.write(part.as_bytes());
        hash.write(&[0xFF]);
    }
    format!("{MADE}{:016x}{index}", hash.finish())
}

/// FNV-1a: the same on every machine and in every release, as ids must be.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
}

/// Calls that wait for their results. A request may hold very many: each is found without a look at
/// the others.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// The ids of all calls, in order; `None` for those that have their results.
    calls: Vec<Option<String>>,
    /// The calls of each given id.
    by_id: Places,
    /// The calls of each tool.
    by_name: Places,
    /// Those of them that came without an id.
    unnumbered: Places,
    /// How many ids may have been made.
    count: usize,
}

/// Places in a list of calls, in order; some may be taken by now.
type Places = HashMap<String, VecDeque<usize>>;

impl Open {
    /// Notes a call; gives its id.
    pub(super) fn call(&mut self, given: Option<&str>, name: &str) -> String {
        let id = given.map_or_else(|| numbered(self.count), str::to_owned);
        self.count += 1;
        let place = self.calls.len();
        self.calls.push(Some(id.clone()));
        let lists = [
            given.map(|given| (&mut self.by_id, given)),
            given.is_none().then_some((&mut self.unnumbered, name)),
            Some((&mut self.by_name, name)),
        ];
        for (places, key) in lists.into_iter().flatten() {
            places.entry(key.to_owned()).or_default().push_back(place);
        }
        id
    }

    /// The id of the call that a result answers: the one with its id, or the first of its tool.
    pub(super) fn result(&mut self, given: Option<&str>, name: &str) -> String {
        let same = given.and_then(|given| take(&mut self.by_id, given, &mut self.calls));
        let found = same.or_else(|| {
            // A call with an id waits for a result with the same one, or with none.
            let places = match given {
                Some(_) => &mut self.unnumbered,
                None => &mut self.by_name,
            };
            take(places, name, &mut self.calls)
        });
        if let Some(id) = found {
            return id;
        }
        self.count += 1;
        given.map_or_else(|| numbered(self.count - 1), str::to_owned)
    }
}

/// Takes the first call that still waits of those under this key.
fn take(places: &mut Places, key: &str, calls: &mut [Option<String>]) -> Option<String> {
    let places = places.get_mut(key)?;
    while let Some(place) = places.pop_front() {
        if let Some(id) = calls.get_mut(place).and_then(Option::take) {
            return Some(id);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_find_their_calls_by_id_and_else_by_name_in_order() {
        let mut open = Open::default();
        let first = open.call(None, "f");
        let second = open.call(None, "f");
        let third = open.call(Some("x"), "f");
        assert_eq!(
            (&*first, &*second, &*third),
            ("call_tg_0", "call_tg_1", "x")
        );
        assert_eq!(open.result(Some("x"), "f"), "x");
        assert_eq!(open.result(None, "f"), first);
        // Some clients make ids of their own for calls that have none.
        assert_eq!(open.result(Some("own-7"), "f"), second);
        assert_eq!(open.result(None, "f"), "call_tg_3");
        assert_eq!(open.result(Some("y"), "g"), "y");
        assert!(is_made(&first) && !is_made("call_1"));
    }

    #[test]
    fn ids_of_answers_differ_from_call_to_call_and_from_answer_to_answer() {
        let ids = [
            of_answer("r1", 0, "f", "{}"),
            of_answer("r1", 1, "f", "{}"),
            of_answer("r2", 0, "f", "{}"),
            of_answer("", 0, "f", "{}"),
            of_answer("", 0, "f", "{\"a\":1}"),
        ];
        for (at, id) in ids.iter().enumerate() {
            assert!(is_made(id) && id.len() <= 40);
            assert!(!ids[..at].contains(id));
        }
        assert_eq!(ids[0], of_answer("r1", 0, "f", "{}"));
    }
}
