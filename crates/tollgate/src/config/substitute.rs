//! Values from elsewhere: `${VAR}`, `${file:/path}` and `os.environ/VAR`.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::environment::Environment;

/// The most bytes that are read from a file of `${file:…}`: credentials and certificates fit,
/// a mistaken path to something huge does not fill the memory.
const LONGEST_FILE: u64 = 1 << 20;

/// What variables and files are looked up in.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    /// The environment.
    pub(super) environment: &'a Environment,
    /// Where relative paths start: the folder of the configuration file.
    pub(super) directory: &'a Path,
}

/// A text after substitution.
#[derive(Clone)]
pub(super) struct Expanded {
    pub(super) text: String,
    /// Whether any of it came from elsewhere.
    pub(super) substituted: bool,
}

/// Puts in what `text` refers to. Fails with a message for each reference that leads nowhere;
/// messages name variables and paths, never contents.
pub(super) fn expand(text: &str, sources: Sources<'_>) -> Result<Expanded, Vec<String>> {
    if let Some(name) = text.strip_prefix("os.environ/") {
        let text = variable(name, sources).map_err(|message| vec![message])?;
        return Ok(Expanded {
            text,
            substituted: true,
        });
    }
    let mut expanded = Expanded {
        text: String::with_capacity(text.len()),
        substituted: false,
    };
    let mut messages = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            expanded.text.push_str(before);
            expanded.text.push_str("${");
            rest = after;
            continue;
        }
        expanded.text.push_str(before);
        expanded.substituted = true;
        let Some((reference, behind)) = after.split_once('}') else {
            messages.push("`${` without `}`; a literal `${` is written `$${`".to_owned());
            rest = "";
            break;
        };
        match look_up(reference, sources) {
            Ok(value) => expanded.text.push_str(&value),
            Err(message) => messages.push(message),
        }
        rest = behind;
    }
    expanded.text.push_str(rest);
    if messages.is_empty() {
        Ok(expanded)
    } else {
        Err(messages)
    }
}

fn look_up(reference: &str, sources: Sources<'_>) -> Result<String, String> {
    match reference.strip_prefix("file:") {
        Some(path) => contents(path, sources),
        None => variable(reference, sources),
    }
}

fn variable(name: &str, sources: Sources<'_>) -> Result<String, String> {
    let is_start = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let is_name = name.bytes().next().is_some_and(is_start)
        && name
            .bytes()
            .all(|byte| is_start(byte) || byte.is_ascii_digit());
    if !is_name {
        // Not quoted: a credential that was put between the braces must not be shown.
        return Err(
            "what should be the name of a variable is not one: letters, digits and `_`".to_owned(),
        );
    }
    match sources.environment.get(name).map(std::ffi::OsStr::to_str) {
        Some(Some(value)) => Ok(value.to_owned()),
        Some(None) => Err(format!(
            "the environment variable `{name}` is not valid UTF-8"
        )),
        None => Err(format!("the environment variable `{name}` is not set")),
    }
}

/// The contents of a file, without the line end that editors put at the end.
fn contents(path: &str, sources: Sources<'_>) -> Result<String, String> {
    let unreadable = |why: String| format!("the file `{path}` cannot be read: {why}");
    let full = sources.directory.join(path);
    // Opening a pipe would wait for a writer.
    let metadata = full
        .metadata()
        .map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("it is not a regular file".to_owned()));
    }
    let mut text = String::new();
    let file = File::open(&full).map_err(|error| unreadable(error.to_string()))?;
    file.take(LONGEST_FILE + 1)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(error.to_string()))?;
    if text.len() as u64 > LONGEST_FILE {
        return Err(unreadable(format!(
            "it is longer than {LONGEST_FILE} bytes"
        )));
    }
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let environment =
            Environment::new([("KEY", "sk-1"), ("HOST", "example.com"), ("NONE", "")]);
        let sources = Sources {
            environment: &environment,
            directory: Path::new("/nowhere"),
        };
        expand(text, sources)
            .map(|found| found.text)
            .map_err(|messages| messages.join("; "))
    }

    #[test]
    fn references_are_replaced_wherever_they_stand() {
        for (text, value) in [
            ("${KEY}", "sk-1"),
            (
                "https://${HOST}/v1?k=${KEY}",
                "https://example.com/v1?k=sk-1",
            ),
            ("os.environ/KEY", "sk-1"),
            ("see os.environ/KEY", "see os.environ/KEY"),
            ("$${KEY}", "${KEY}"),
            ("$$${KEY}", "$${KEY}"),
            ("$KEY and {KEY}", "$KEY and {KEY}"),
            ("[${NONE}]", "[]"),
            ("", ""),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(value), "{text}");
        }
    }

    #[test]
    fn every_reference_that_leads_nowhere_is_named() {
        let message = expanded("${ONE} ${TWO} ${file:three}").unwrap_err();
        for name in ["`ONE`", "`TWO`", "`three`"] {
            assert!(message.contains(name), "{message}");
        }
        assert!(expanded("${KEY").unwrap_err().contains("without `}`"));
        assert!(expanded("os.environ/ONE").unwrap_err().contains("`ONE`"));
    }

    #[test]
    fn a_credential_between_the_braces_is_not_shown() {
        for text in ["${sk-canary}", "os.environ/sk-canary", "${}", "${9}"] {
            let message = expanded(text).unwrap_err();
            assert!(
                message.contains("not one") && !message.contains("canary"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_file_is_read_without_its_last_line_end() {
        let directory = crate::config::tests::directory("substitute");
        let environment = Environment::new([("KEY", "sk-1")]);
        let sources = Sources {
            environment: &environment,
            directory: &directory,
        };
        for (contents, value) in [
            ("sk-2\n", "sk-2"),
            ("sk-2\r\n", "sk-2"),
            ("a\nb\n\n", "a\nb\n"),
            ("${KEY}", "${KEY}"),
        ] {
            std::fs::write(directory.join("key"), contents).unwrap();
            let found = expand("${file:key}", sources).map(|found| found.text);
            assert_eq!(found.as_deref(), Ok(value));
        }
        let absolute = format!("${{file:{}}}", directory.join("key").display());
        assert!(expand(&absolute, sources).is_ok());
        assert!(expand("${file:.}", sources).is_err_and(|all| all[0].contains("regular")));
    }
}
