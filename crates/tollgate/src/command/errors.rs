//! `tollgate errors [CODE]`: the catalogue of errors on the terminal.

use std::io::{self, Write};
use std::process::ExitCode;

use tollgate_core::error::{Code, document};

/// Where the printed links lead when no gateway is asked.
const PUBLIC_URL: &str = "http://127.0.0.1:4000";

/// Prints one row with cause, fix and examples, the rows of a family code, or all rows.
pub fn run(word: Option<&str>) -> ExitCode {
    let written = match word.map_or_else(|| Ok(document::list_text(Code::ALL)), rows) {
        Ok(text) => io::stdout().lock().write_all(text.as_bytes()),
        Err(text) => {
            // The exit code tells it too.
            _ = io::stderr().lock().write_all(text.as_bytes());
            return ExitCode::FAILURE;
        }
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn rows(word: &str) -> Result<String, String> {
    match *Code::named(word) {
        [] => Err(unknown(word)),
        [code] => Ok(document::entry_text(code, PUBLIC_URL)),
        ref codes => Ok(document::list_text(codes)),
    }
}

fn unknown(word: &str) -> String {
    let slug = word.to_ascii_lowercase();
    let nearest = Code::ALL
        .iter()
        .map(|code| (strsim::jaro_winkler(&slug, code.slug()), code.slug()))
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let hint = match nearest {
        Some((likeness, near)) if likeness > 0.7 => format!("Did you mean {near}?"),
        _ => "`tollgate errors` lists all of them.".to_owned(),
    };
    format!("There is no error code {word:?}. {hint}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_any_case_and_by_family() {
        for word in ["MODEL_NOT_FOUND", "model_not_found", "Model_Not_Found"] {
            let text = rows(word).unwrap();
            assert!(text.starts_with("model_not_found - "), "{text}");
        }
        for (word, codes) in [
            ("PROVIDER_OPENAI_429", &["provider_rate_limited"][..]),
            ("provider_openai_compatible_429", &["provider_rate_limited"]),
            ("PROVIDER_{P}_429", &["provider_rate_limited"]),
            (
                "PROVIDER_OPENAI_400",
                &["context_length_exceeded", "provider_invalid_request"],
            ),
        ] {
            let text = rows(word).unwrap();
            for code in codes {
                let shown = text
                    .lines()
                    .any(|line| line.starts_with(&format!("{code} ")));
                assert!(shown, "{word}: {text}");
            }
        }
        let refused = rows("GATEWAY1_AUTH_001").unwrap();
        assert!(refused.contains("invalid_api_key"), "{refused}");
    }

    #[test]
    fn a_mistyped_code_is_answered_with_the_nearest() {
        let text = rows("MODEL_NOT_FOUNT").unwrap_err();
        assert!(text.contains("Did you mean model_not_found?"), "{text}");
        for word in ["", "zzz", "PROVIDER__429", "PROVIDER_a-b_429"] {
            assert!(rows(word).is_err(), "{word}");
        }
    }
}
