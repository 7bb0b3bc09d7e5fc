//! What a caller's messages say of the target that they need.

use tollgate_core::route::condition::Ability;

use crate::insight::{Reading, Role, items, members, string};
use crate::json::{Kind, Problem, Scanner};

/// Reads a request.
pub(crate) fn read(scanner: &mut Scanner<'_>, reading: &mut Reading) -> Result<(), Problem> {
    members(scanner, |name, scanner| match name {
        b"system" => reading.instructions(scanner, content),
        b"messages" => reading.messages(scanner, message),
        b"tools" => reading.tools(scanner),
        b"thinking" => reading.thinking(scanner),
        b"output_format" => reading.form(scanner),
        b"output_config" => members(scanner, |name, scanner| match name {
            b"format" => reading.form(scanner),
            _ => scanner.skip(),
        }),
        b"metadata" => members(scanner, |name, scanner| match name {
            b"user_id" => reading.user(scanner),
            _ => scanner.skip(),
        }),
        _ => scanner.skip(),
    })
}

fn message(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<Role, Problem> {
    let mut role = Role::Other;
    members(scanner, |name, scanner| match name {
        b"role" => {
            let word = string(scanner)?;
            role = word.map_or(Role::Other, |word| Role::of(word.raw()));
            Ok(())
        }
        b"content" => content(reading, scanner),
        _ => scanner.skip(),
    })?;
    Ok(role)
}

fn content(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    if scanner.kind()? == Kind::Array {
        return items(scanner, |scanner| block(reading, scanner));
    }
    reading.part();
    reading.text(scanner)
}

/// What a source of media turned out to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Bytes, or where they are.
    Media,
    /// A text, or blocks: it was read as such.
    Text,
}

fn block(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    reading.part();
    let (mut media, mut source) = (None, Source::Media);
    members(scanner, |name, scanner| match name {
        b"type" => {
            media = string(scanner)?.and_then(|kind| match kind.raw() {
                "image" => Some(Ability::Vision),
                "document" => Some(Ability::Files),
                _ => None,
            });
            Ok(())
        }
        b"text" | b"thinking" | b"name" | b"title" | b"context" => reading.text(scanner),
        b"input" => reading.json(scanner),
        b"content" => content(reading, scanner),
        b"source" => {
            source = self::source(reading, scanner)?;
            Ok(())
        }
        _ => scanner.skip(),
    })?;
    match media {
        Some(ability) if source == Source::Media => reading.media(ability),
        Some(ability) => reading.need(ability),
        None => {}
    }
    Ok(())
}

fn source(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<Source, Problem> {
    let (mut source, mut is_text, mut length) = (Source::Media, false, 0);
    members(scanner, |name, scanner| match name {
        b"type" => {
            is_text = string(scanner)?.is_some_and(|kind| kind.is("text"));
            Ok(())
        }
        b"data" => {
            if let Some(data) = string(scanner)? {
                // Whether this is a text may only be said behind it.
                length = data.raw().len();
                reading.hear(data);
            }
            Ok(())
        }
        b"url" | b"file_id" => reading.mark(scanner),
        b"content" => {
            source = Source::Text;
            content(reading, scanner)
        }
        _ => scanner.skip(),
    })?;
    if is_text {
        source = Source::Text;
        reading.bytes(length);
    }
    Ok(source)
}
