//! The messages: an array of objects with a role and content, which is a text or blocks.

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
        let what = "must hold at least one message";
        faults.add(format_args!("messages"), "too_short", what);
    }
    Ok(sealed)
}

/// What has been seen of one message.
#[derive(Default)]
struct Message {
    role: bool,
    content: bool,
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
            let (name, seen) = match name.name(&mut buffer) {
                b"role" => ("role", &mut self.role),
                b"content" => ("content", &mut self.content),
                _ => {
                    scanner.skip()?;
                    continue;
                }
            };
            if std::mem::replace(seen, true) {
                scanner.skip()?;
                let path = format_args!("messages[{index}].{name}");
                faults.add(path, "value_error", "occurs twice");
            } else if name == "role" {
                read_role(scanner, index, faults)?;
            } else {
                self.sealed |= read_content(scanner, index, faults)?;
            }
        }
        for (name, seen) in [("role", self.role), ("content", self.content)] {
            if !seen {
                let path = format_args!("messages[{index}].{name}");
                faults.add(path, "missing", "is missing");
            }
        }
        Ok(self.sealed)
    }
}

fn read_role(scanner: &mut Scanner<'_>, index: usize, faults: &mut Faults) -> Result<(), Problem> {
    let kind = scanner.kind()?;
    scanner.skip()?;
    if kind != Kind::String {
        let what = format!("must be a string, not {}", article(kind));
        faults.add(format_args!("messages[{index}].role"), "string_type", &what);
    }
    Ok(())
}

fn read_content(
    scanner: &mut Scanner<'_>,
    index: usize,
    faults: &mut Faults,
) -> Result<bool, Problem> {
    let kind = scanner.kind()?;
    match kind {
        Kind::Array => {}
        Kind::String => return scanner.skip().map(|()| false),
        Kind::Object | Kind::Number | Kind::Bool | Kind::Null => {
            scanner.skip()?;
            let what = format!("must be a string or an array, not {}", article(kind));
            let path = format_args!("messages[{index}].content");
            faults.add(path, "string_type", &what);
            return Ok(false);
        }
    }
    let mut sealed = false;
    let mut items = scanner.array()?;
    let mut place = 0_usize;
    while scanner.item(&mut items)? {
        match scanner.kind()? {
            Kind::Object => sealed |= read_block(scanner)?,
            other => {
                scanner.skip()?;
                let what = format!("must be an object, not {}", article(other));
                let path = format_args!("messages[{index}].content[{place}]");
                faults.add(path, "dict_type", &what);
            }
        }
        place += 1;
    }
    Ok(sealed)
}

/// Takes a block. True if it holds state that we have sealed.
fn read_block(scanner: &mut Scanner<'_>) -> Result<bool, Problem> {
    let mut sealed = false;
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        let may_be_state = matches!(name.name(&mut buffer), b"signature" | b"data");
        if may_be_state && scanner.kind()? == Kind::String {
            let text = scanner.string()?.decode();
            sealed |= text.is_some_and(|text| state::is_sealed(&text));
        } else {
            scanner.skip()?;
        }
    }
    Ok(sealed)
}
