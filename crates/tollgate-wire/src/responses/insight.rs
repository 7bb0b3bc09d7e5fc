//! What a caller's request says of the target that it needs.

use tollgate_core::route::condition::Ability;

use crate::insight::{Reading, Role, items, members, string};
use crate::json::{Kind, Problem, Scanner};

/// Reads a request.
pub(crate) fn read(scanner: &mut Scanner<'_>, reading: &mut Reading) -> Result<(), Problem> {
    members(scanner, |name, scanner| match name {
        b"instructions" => reading.instructions(scanner, content),
        b"input" => input(reading, scanner),
        b"tools" => reading.tools(scanner),
        b"text" => members(scanner, |name, scanner| match name {
            b"format" => reading.form(scanner),
            _ => scanner.skip(),
        }),
        b"reasoning" => reading.reasoning(scanner),
        b"safety_identifier" => reading.safety_identifier(scanner),
        b"user" => reading.user(scanner),
        b"prompt_cache_key" => reading.key(scanner),
        b"previous_response_id" => reading.previous(scanner),
        b"conversation" => conversation(reading, scanner),
        _ => scanner.skip(),
    })
}

fn input(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    if scanner.kind()? == Kind::Array {
        return reading.messages(scanner, item);
    }
    reading.message(scanner, content)
}

/// A conversation that is kept at the provider: its items are not here.
fn conversation(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    if scanner.kind()? == Kind::String {
        return reading.key(scanner);
    }
    members(scanner, |name, scanner| match name {
        b"id" => reading.key(scanner),
        _ => scanner.skip(),
    })
}

fn item(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<Role, Problem> {
    let mut role = Role::Other;
    members(scanner, |name, scanner| match name {
        b"role" => {
            let word = string(scanner)?;
            role = word.map_or(Role::Other, |word| Role::of(word.raw()));
            Ok(())
        }
        b"content" | b"output" | b"summary" => content(reading, scanner),
        b"name" | b"arguments" | b"input" => reading.text(scanner),
        _ => scanner.skip(),
    })?;
    Ok(role)
}

/// A text, or parts, or one part alone.
fn content(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    match scanner.kind()? {
        Kind::Array => items(scanner, |scanner| part(reading, scanner)),
        Kind::Object => part(reading, scanner),
        _ => {
            reading.part();
            reading.text(scanner)
        }
    }
}

fn part(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    reading.part();
    let mut media = None;
    members(scanner, |name, scanner| match name {
        b"type" => {
            media = string(scanner)?.and_then(|kind| ability(kind.raw()));
            Ok(())
        }
        b"text" | b"refusal" => reading.text(scanner),
        b"image_url" | b"input_audio" if scanner.kind()? == Kind::Object => {
            members(scanner, |_, scanner| reading.mark(scanner))
        }
        b"image_url" | b"file_id" | b"file_url" | b"file_data" => reading.mark(scanner),
        _ => scanner.skip(),
    })?;
    if let Some(ability) = media {
        reading.media(ability);
    }
    Ok(())
}

fn ability(kind: &str) -> Option<Ability> {
    match kind {
        "input_image" | "computer_screenshot" => Some(Ability::Vision),
        "input_file" => Some(Ability::Files),
        "input_audio" => Some(Ability::Audio),
        _ => None,
    }
}
