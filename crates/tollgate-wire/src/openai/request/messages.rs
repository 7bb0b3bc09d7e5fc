//! The messages of a chat: an array of objects with a role and, mostly, content.

use super::{Faults, Kind, NameBuffer, Problem, Scanner};
use crate::fields::article;
use crate::state;

/// Takes the messages. True if one of them holds state that we have sealed.
pub(super) fn read(scanner: &mut Scanner<'_>, faults: &mut Faults) -> Result<bool, Problem> {
    let kind = scanner.kind()?;
    if kind != Kind::Array {
        scanner.skip()?;
        let what = format!("must be an array, not {}", article(kind));
        faults.add(format_args!("messages"), "list_type", &what);
        return Ok(false);
    }
    let mut sealed = false;
    let mut items = scanner.array()?;
    let mut index = 0_usize;
    while scanner.item(&mut items)? {
        match scanner.kind()? {
            Kind::Object => sealed |= Message::default().read(scanner, index, faults)?,
            other => {
                scanner.skip()?;
                let what = format!("must be an object, not {}", article(other));
                faults.add(format_args!("messages[{index}]"), "dict_type", &what);
            }
        }
        index += 1;
    }
    if index == 0 {
        faults.add(
            format_args!("messages"),
            "too_short",
            "must hold at least one message",
        );
    }
    Ok(sealed)
}

/// What has been seen of one message.
#[derive(Default)]
struct Message {
    role: bool,
    content: bool,
    /// Assistants may say nothing, and whoever calls tools need not.
    silent: bool,
    sealed: bool,
}

impl Message {
    fn read(
        mut self,
        scanner: &mut Scanner<'_>,
        index: usize,
        faults: &mut Faults,
    ) -> Result<bool, Problem> {
        let mut members = scanner.object()?;
        let mut buffer = NameBuffer::new();
        while let Some(name) = scanner.member(&mut members)? {
            match name.name(&mut buffer) {
                b"role" => self.read_role(scanner, index, faults)?,
                b"content" => self.read_content(scanner, index, faults)?,
                b"tool_calls" => {
                    self.silent = true;
                    self.look_for_state(scanner)?;
                }
                b"function_call" => {
                    self.silent = true;
                    scanner.skip()?;
                }
                b"reasoning_details" => self.look_for_state(scanner)?,
                _ => scanner.skip()?,
            }
        }
        if !self.role {
            faults.add(
                format_args!("messages[{index}].role"),
                "missing",
                "is missing",
            );
        } else if !self.content && !self.silent {
            faults.add(
                format_args!("messages[{index}].content"),
                "missing",
                "is missing",
            );
        }
        Ok(self.sealed)
    }

    fn look_for_state(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        let begin = scanner.position();
        scanner.skip()?;
        self.sealed |= state::may_be_within(scanner.since(begin));
        Ok(())
    }

    fn read_role(
        &mut self,
        scanner: &mut Scanner<'_>,
        index: usize,
        faults: &mut Faults,
    ) -> Result<(), Problem> {
        let kind = scanner.kind()?;
        if std::mem::replace(&mut self.role, true) {
            scanner.skip()?;
            faults.add(
                format_args!("messages[{index}].role"),
                "value_error",
                "occurs twice",
            );
        } else if kind == Kind::String {
            self.silent |= scanner.string()?.is("assistant");
        } else {
            scanner.skip()?;
            // One fault is enough for this message.
            self.silent = true;
            let what = format!("must be a string, not {}", article(kind));
            faults.add(format_args!("messages[{index}].role"), "string_type", &what);
        }
        Ok(())
    }

    fn read_content(
        &mut self,
        scanner: &mut Scanner<'_>,
        index: usize,
        faults: &mut Faults,
    ) -> Result<(), Problem> {
        let kind = scanner.kind()?;
        scanner.skip()?;
        if std::mem::replace(&mut self.content, true) {
            faults.add(
                format_args!("messages[{index}].content"),
                "value_error",
                "occurs twice",
            );
            return Ok(());
        }
        match kind {
            Kind::String | Kind::Array | Kind::Null => {}
            Kind::Object | Kind::Number | Kind::Bool => {
                let what = format!("must be a string, an array or null, not {}", article(kind));
                faults.add(
                    format_args!("messages[{index}].content"),
                    "string_type",
                    &what,
                );
            }
        }
        Ok(())
    }
}
