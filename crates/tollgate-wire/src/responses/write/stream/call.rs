//! A call of a tool that is being told.

use serde_json::json;

use super::log::{Log, Place, Within};
use crate::responses::write::answer::Status;
use crate::responses::write::items;

pub(super) struct Call {
    place: Place,
    /// What the caller's result is to refer to.
    id: String,
    name: String,
    arguments: String,
    done: bool,
}

impl Call {
    pub(super) fn begin(id: &str, name: &str, log: &mut Log, out: &mut Vec<u8>) -> Self {
        let place = log.place("fc");
        let item = items::call(&place.id, Status::Running.word(), id, name, "");
        log.added(&place, &item, out);
        Self {
            place,
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: String::new(),
            done: false,
        }
    }

    /// More of the arguments.
    pub(super) fn tell(&mut self, more: &str, log: &mut Log, out: &mut Vec<u8>) {
        if !self.done {
            self.arguments.push_str(more);
            log.stretch(&self.place, Within::Arguments, more, out);
        }
    }

    /// Ends the call, unless that was said.
    pub(super) fn close(&mut self, status: Status, log: &mut Log, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        // Clients parse what they get.
        if self.arguments.is_empty() && status == Status::Completed {
            self.arguments.push_str("{}");
        }
        let data = json!({
            "item_id": self.place.id,
            "output_index": self.place.index,
            "arguments": self.arguments,
        });
        log.event("response.function_call_arguments.done", data, out);
        let word = status.word();
        let item = items::call(&self.place.id, word, &self.id, &self.name, &self.arguments);
        log.done(&self.place, item, out);
    }
}
