//! What a caller's chat, or texts for embeddings, say of the target that they need.

use tollgate_core::route::condition::Ability;

use crate::insight::{Reading, Role, items, members, string};
use crate::json::{Kind, Problem, Scanner};

/// Reads a chat.
pub(crate) fn chat(scanner: &mut Scanner<'_>, reading: &mut Reading) -> Result<(), Problem> {
    members(scanner, |name, scanner| match name {
        b"messages" => reading.messages(scanner, message),
        b"tools" | b"functions" => reading.tools(scanner),
        b"response_format" => reading.form(scanner),
        b"reasoning_effort" => reading.effort(scanner),
        b"reasoning" => reading.reasoning(scanner),
        b"thinking" => reading.thinking(scanner),
        b"safety_identifier" => reading.safety_identifier(scanner),
        b"user" => reading.user(scanner),
        b"prompt_cache_key" => reading.key(scanner),
        _ => scanner.skip(),
    })
}

/// Reads texts for embeddings.
pub(crate) fn embeddings(scanner: &mut Scanner<'_>, reading: &mut Reading) -> Result<(), Problem> {
    members(scanner, |name, scanner| match name {
        b"input" => reading.prompt(scanner),
        b"safety_identifier" => reading.safety_identifier(scanner),
        b"user" => reading.user(scanner),
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
        b"refusal" | b"reasoning_content" | b"reasoning" => reading.text(scanner),
        b"tool_calls" => items(scanner, |scanner| call(reading, scanner)),
        b"function_call" => called(reading, scanner),
        _ => scanner.skip(),
    })?;
    Ok(role)
}

fn content(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    if scanner.kind()? == Kind::Array {
        return items(scanner, |scanner| part(reading, scanner));
    }
    reading.part();
    reading.text(scanner)
}

fn part(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    reading.part();
    if scanner.kind()? == Kind::String {
        return reading.text(scanner);
    }
    members(scanner, |name, scanner| match name {
        b"text" | b"refusal" => reading.text(scanner),
        b"thinking" => words(reading, scanner),
        b"image_url" | b"video_url" => reading.source(scanner, Ability::Vision),
        b"input_audio" | b"audio_url" => reading.source(scanner, Ability::Audio),
        b"file" => reading.source(scanner, Ability::Files),
        _ => scanner.skip(),
    })
}

/// A thought in Mistral's form: a text, or parts with a text each.
fn words(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    if scanner.kind()? != Kind::Array {
        return reading.text(scanner);
    }
    items(scanner, |scanner| {
        members(scanner, |name, scanner| match name {
            b"text" => reading.text(scanner),
            _ => scanner.skip(),
        })
    })
}

fn call(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    members(scanner, |name, scanner| match name {
        b"function" | b"custom" => called(reading, scanner),
        _ => scanner.skip(),
    })
}

fn called(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    reading.part();
    members(scanner, |name, scanner| match name {
        b"name" | b"arguments" | b"input" => reading.text(scanner),
        _ => scanner.skip(),
    })
}
