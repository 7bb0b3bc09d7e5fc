//! What a caller's contents say of the target that they need. Every name may be spelled in two
//! ways.

use tollgate_core::route::condition::Ability;

use super::media::{by_address, by_data};
use crate::insight::{Reading, Role, flag, items, members, string};
use crate::json::{Kind, Problem, Scanner};

/// Reads a request for content, or for a number of tokens.
pub(crate) fn read(scanner: &mut Scanner<'_>, reading: &mut Reading) -> Result<(), Problem> {
    members(scanner, |name, scanner| match name {
        b"generateContentRequest" | b"generate_content_request" => read(scanner, reading),
        b"systemInstruction" | b"system_instruction" => reading
            .instructions(scanner, |reading, scanner| {
                content(reading, scanner).map(drop)
            }),
        // Instructions that are kept at the provider.
        b"cachedContent" | b"cached_content" => reading.instructions(scanner, Reading::mark),
        b"contents" => reading.messages(scanner, content),
        b"tools" => reading.tools(scanner),
        b"generationConfig" | b"generation_config" => config(reading, scanner),
        _ => scanner.skip(),
    })
}

fn content(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<Role, Problem> {
    let mut role = Role::User;
    members(scanner, |name, scanner| match name {
        b"role" => {
            let word = string(scanner)?;
            if word.is_some_and(|word| !word.is_empty() && !word.is("user")) {
                role = Role::Other;
            }
            Ok(())
        }
        b"parts" => parts(reading, scanner),
        _ => scanner.skip(),
    })?;
    Ok(role)
}

fn parts(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    items(scanner, |scanner| {
        reading.part();
        members(scanner, |name, scanner| match name {
            b"text" => reading.text(scanner),
            b"inlineData" | b"inline_data" | b"fileData" | b"file_data" => media(reading, scanner),
            b"functionCall" | b"function_call" | b"functionResponse" | b"function_response" => {
                called(reading, scanner)
            }
            b"executableCode"
            | b"executable_code"
            | b"codeExecutionResult"
            | b"code_execution_result" => reading.json(scanner),
            _ => scanner.skip(),
        })
    })
}

fn called(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    members(scanner, |name, scanner| match name {
        b"name" => reading.text(scanner),
        b"args" | b"response" => reading.json(scanner),
        b"parts" => parts(reading, scanner),
        _ => scanner.skip(),
    })
}

fn media(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    if scanner.kind()? != Kind::Object {
        return scanner.skip();
    }
    let (mut told, mut guessed) = (None, None);
    members(scanner, |name, scanner| match name {
        b"mimeType" | b"mime_type" => {
            told = string(scanner)?.filter(|told| !told.is_empty());
            Ok(())
        }
        b"data" | b"fileUri" | b"file_uri" => {
            if let Some(source) = string(scanner)? {
                guessed = by_data(source.raw()).or_else(|| by_address(source.raw()));
                reading.hear(source);
            }
            Ok(())
        }
        _ => scanner.skip(),
    })?;
    let kind = told.map_or(guessed, |told| Some(told.raw()));
    reading.media(ability(kind.unwrap_or_default()));
    Ok(())
}

/// What a model must be able to do to take media of a type. Films are pictures.
fn ability(media_type: &str) -> Ability {
    let (kind, _) = media_type.split_once('/').unwrap_or((media_type, ""));
    if kind.eq_ignore_ascii_case("image") || kind.eq_ignore_ascii_case("video") {
        Ability::Vision
    } else if kind.eq_ignore_ascii_case("audio") {
        Ability::Audio
    } else {
        Ability::Files
    }
}

fn config(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    members(scanner, |name, scanner| match name {
        b"responseSchema"
        | b"response_schema"
        | b"responseJsonSchema"
        | b"response_json_schema"
        | b"_responseJsonSchema" => {
            if scanner.kind()? != Kind::Null {
                reading.need(Ability::Schema);
            }
            scanner.skip()
        }
        b"thinkingConfig" | b"thinking_config" => thinking(reading, scanner),
        _ => scanner.skip(),
    })
}

fn thinking(reading: &mut Reading, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
    members(scanner, |name, scanner| match name {
        // A negative budget leaves it to the model.
        b"thinkingBudget" | b"thinking_budget" => reading.budget(scanner),
        b"thinkingLevel" | b"thinking_level" => {
            const NONE: &str = "THINKING_LEVEL_UNSPECIFIED";
            let level = string(scanner)?;
            if level.is_some_and(|level| !level.is_empty() && !level.is(NONE)) {
                reading.need(Ability::Reasoning);
            }
            Ok(())
        }
        b"includeThoughts" | b"include_thoughts" => {
            if flag(scanner)? {
                reading.need(Ability::Reasoning);
            }
            Ok(())
        }
        _ => scanner.skip(),
    })
}
