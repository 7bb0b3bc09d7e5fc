//! A thought that is being told, and state that stands for one.

use serde_json::Value;

use super::log::{Log, Place, Within};
use crate::responses::write::items;
use crate::state::NO_STATE;

pub(super) struct Thought {
    place: Place,
    words: String,
}

impl Thought {
    pub(super) fn begin(log: &mut Log, out: &mut Vec<u8>) -> Self {
        let place = log.place("rs");
        log.added(&place, &items::reasoning(&place.id, &[], None), out);
        let thought = Self {
            place,
            words: String::new(),
        };
        let data = thought.of_part("part", items::summary_text(""));
        log.event("response.reasoning_summary_part.added", data, out);
        thought
    }

    /// More of it.
    pub(super) fn tell(&mut self, more: &str, log: &mut Log, out: &mut Vec<u8>) {
        self.words.push_str(more);
        log.stretch(&self.place, Within::Summary, more, out);
    }

    /// Ends it, with what is to come back with it.
    pub(super) fn close(self, sealed: Option<&str>, log: &mut Log, out: &mut Vec<u8>) {
        let whole = self.of_part("text", self.words.as_str().into());
        log.event("response.reasoning_summary_text.done", whole, out);
        let part = items::summary_text(&self.words);
        let done = self.of_part("part", part.clone());
        log.event("response.reasoning_summary_part.done", done, out);
        // No provider knows this item, and none would find it by its id.
        let sealed = sealed.unwrap_or(NO_STATE).to_owned();
        let item = items::reasoning(&self.place.id, &[part], Some(&sealed));
        log.done(&self.place, item, out);
    }

    fn of_part(&self, name: &str, value: Value) -> Value {
        self.place.of_part(("summary_index", 0), [(name, value)])
    }
}

/// An item for state alone. A thought that is merely silent has a summary without words, so that
/// it can be told from one that is hidden.
pub(super) fn state_alone(sealed: &str, is_silent: bool, log: &mut Log, out: &mut Vec<u8>) {
    let place = log.place("rs");
    log.added(&place, &items::reasoning(&place.id, &[], None), out);
    let silent = [items::summary_text("")];
    let summary = if is_silent { &silent[..] } else { &[] };
    let item = items::reasoning(&place.id, summary, Some(sealed));
    log.done(&place, item, out);
}
