//! How much a model has said, for answers whose provider does not count: the texts, thoughts and
//! calls of tools in them, in sixteenths of a token.
//!
//! The formats have the same few names for what a model says, so one walk knows them all. What is
//! no text (pictures, sound, signatures) is not counted: nobody knows how many tokens it is.

use tollgate_core::tokens::sixteenths;

use crate::json::{self, Kind, NameBuffer, Problem, Scanner, Text};

/// About how many sixteenths of a token a whole answer says, in whatever format it is. Nothing if
/// it cannot be read.
pub(crate) fn of_answer(body: &[u8]) -> u32 {
    read(body).unwrap_or_default()
}

/// About how many sixteenths of a token a text is.
pub(crate) fn of_text(text: &Text<'_>) -> u32 {
    sixteenths(text.raw().as_bytes())
}

/// Takes a value that a model says, and gives about how many sixteenths of a token it is.
pub(crate) fn of_value(scanner: &mut Scanner<'_>) -> Result<u32, Problem> {
    match scanner.kind()? {
        Kind::String => Ok(of_text(&scanner.string()?)),
        Kind::Array => {
            let mut sum: u32 = 0;
            let mut items = scanner.array()?;
            while scanner.item(&mut items)? {
                sum = sum.saturating_add(of_value(scanner)?);
            }
            Ok(sum)
        }
        Kind::Object => of_object(scanner),
        Kind::Number | Kind::Bool | Kind::Null => scanner.skip().map(|()| 0),
    }
}

fn read(body: &[u8]) -> Result<u32, Problem> {
    let mut scanner = Scanner::new(json::utf8(body)?);
    if scanner.kind()? != Kind::Object {
        return Ok(0);
    }
    let mut sum: u32 = 0;
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        match name.name(&mut buffer) {
            b"choices" | b"content" | b"output" | b"candidates" => {
                sum = sum.saturating_add(of_value(&mut scanner)?);
            }
            _ => scanner.skip()?,
        }
    }
    Ok(sum)
}

fn of_object(scanner: &mut Scanner<'_>) -> Result<u32, Problem> {
    let mut sum: u32 = 0;
    // Some servers say a thought under two names.
    let mut thought: u32 = 0;
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        let said = match name.name(&mut buffer) {
            b"reasoning" | b"reasoning_content" => {
                thought = thought.max(of_value(scanner)?);
                continue;
            }
            // The arguments of a call, as the model writes them.
            b"input" | b"args" if scanner.kind()? == Kind::Object => {
                let begin = scanner.position();
                scanner.skip()?;
                sixteenths(scanner.since(begin).as_bytes())
            }
            b"message" | b"delta" | b"content" | b"parts" | b"text" | b"thinking" | b"summary"
            | b"refusal" | b"tool_calls" | b"function_call" | b"functionCall" | b"function"
            | b"custom" | b"name" | b"arguments" | b"input" | b"partial_json" | b"transcript"
            | b"audio" | b"executableCode" | b"code" => of_value(scanner)?,
            _ => {
                scanner.skip()?;
                continue;
            }
        };
        sum = sum.saturating_add(said);
    }
    Ok(sum.saturating_add(thought))
}

#[cfg(test)]
mod tests;
