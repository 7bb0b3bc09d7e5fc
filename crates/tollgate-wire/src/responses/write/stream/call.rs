//! A call of a tool that is being told.

use serde_json::{Value, json};

use super::log::{Log, Place, Within};
use crate::neutral::freeform;
use crate::responses::write::answer::Status;
use crate::responses::write::items;

/// What is known of a call when it begins.
pub(super) struct Called<'a> {
    /// What the caller's result is to refer to.
    pub(super) id: &'a str,
    /// The tool.
    pub(super) name: &'a str,
    /// Whether the tool takes free text.
    pub(super) freeform: bool,
}

pub(super) struct Call {
    place: Place,
    id: String,
    name: String,
    freeform: bool,
    arguments: String,
    done: bool,
}

impl Call {
    pub(super) fn begin(called: &Called<'_>, log: &mut Log, out: &mut Vec<u8>) -> Self {
        let call = Self {
            place: log.place(if called.freeform { "ctc" } else { "fc" }),
            id: called.id.to_owned(),
            name: called.name.to_owned(),
            freeform: called.freeform,
            arguments: String::new(),
            done: false,
        };
        let item = call.item(Status::Running, "");
        log.added(&call.place, &item, out);
        call
    }

    /// More of the arguments. Free text is within them as a text of JSON: it is told when it is
    /// whole.
    pub(super) fn tell(&mut self, more: &str, log: &mut Log, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        self.arguments.push_str(more);
        if !self.freeform {
            log.stretch(&self.place, Within::Arguments, more, out);
        }
    }

    /// Ends the call, unless that was said.
    pub(super) fn close(&mut self, status: Status, log: &mut Log, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        let mut said = std::mem::take(&mut self.arguments);
        let (kind, member) = if self.freeform {
            said = freeform::input(said);
            if !said.is_empty() {
                log.stretch(&self.place, Within::Input, &said, out);
            }
            ("response.custom_tool_call_input.done", "input")
        } else {
            // Clients parse what they get.
            if said.is_empty() && status == Status::Completed {
                said.push_str("{}");
            }
            ("response.function_call_arguments.done", "arguments")
        };
        let data = json!({
            "item_id": self.place.id,
            "output_index": self.place.index,
            member: said,
        });
        log.event(kind, data, out);
        let item = self.item(status, &said);
        log.done(&self.place, item, out);
    }

    fn item(&self, status: Status, said: &str) -> Value {
        let write = if self.freeform {
            items::custom_call
        } else {
            items::call
        };
        write(&self.place.id, status.word(), &self.id, &self.name, said)
    }
}
