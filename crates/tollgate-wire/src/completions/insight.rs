//! What a caller's text says of the target that it needs. Its turns cannot be told apart, so that
//! conversations are known by a key only.

use crate::insight::{Reading, members};
use crate::json::{Problem, Scanner};

/// Reads a request.
pub(crate) fn read(scanner: &mut Scanner<'_>, reading: &mut Reading) -> Result<(), Problem> {
    members(scanner, |name, scanner| match name {
        b"prompt" | b"suffix" => reading.prompt(scanner),
        b"response_format" => reading.form(scanner),
        b"safety_identifier" => reading.safety_identifier(scanner),
        b"user" => reading.user(scanner),
        b"prompt_cache_key" => reading.key(scanner),
        _ => scanner.skip(),
    })
}
