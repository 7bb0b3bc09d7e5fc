//! Where the database of a URL lies.

use std::path::PathBuf;
use std::str::FromStr as _;

use sqlx::sqlite::SqliteConnectOptions;

use crate::sqlite::OpenError;

/// The file of a database URL: `sqlite://` and a path, relative to the working directory unless
/// it begins with a slash. Fails for every other kind of URL.
pub fn database_file(url: &str) -> Result<PathBuf, OpenError> {
    // A URL of another kind may hold a password: only its scheme is ever repeated.
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(OpenError::Url("it has no scheme".to_owned()));
    };
    match scheme {
        "sqlite" => {}
        "postgres" | "postgresql" => return Err(OpenError::OnlySqlite),
        other => return Err(OpenError::Url(format!("the scheme {other:?} is not known"))),
    }
    let (path, options) = rest.split_once('?').unwrap_or((rest, ""));
    if path.ends_with(":memory:") {
        return Err(OpenError::InMemory);
    }
    match options {
        "" | "mode=rw" | "mode=rwc" => {}
        "mode=memory" => return Err(OpenError::InMemory),
        other => {
            return Err(OpenError::Url(format!(
                "the option {other:?} is not supported"
            )));
        }
    }
    let options = SqliteConnectOptions::from_str(&format!("sqlite:{path}"))
        .map_err(|error| OpenError::Url(error.to_string()))?;
    let file = options.get_filename();
    if file.file_name().is_none() || path.ends_with('/') {
        return Err(OpenError::Url("it names no file".to_owned()));
    }
    Ok(file.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_leads_to_its_file() {
        for (url, file) in [
            (
                "sqlite://tollgate-data/tollgate.db",
                "tollgate-data/tollgate.db",
            ),
            ("sqlite:tollgate.db", "tollgate.db"),
            (
                "sqlite:///var/lib/tollgate/tollgate.db?mode=rwc",
                "/var/lib/tollgate/tollgate.db",
            ),
            ("sqlite://with%20space.db", "with space.db"),
        ] {
            assert_eq!(database_file(url).unwrap(), PathBuf::from(file), "{url}");
        }
    }

    #[test]
    fn other_urls_are_refused_without_repeating_secrets() {
        for (url, said) in [
            ("postgres://user:secret@host/db", "PostgreSQL"),
            ("postgresql://user:secret@host/db", "PostgreSQL"),
            ("mysql://user:secret@host/db", "\"mysql\""),
            ("tollgate.db", "no scheme"),
            ("sqlite::memory:", "memory"),
            ("sqlite://x.db?mode=memory", "memory"),
            ("sqlite://x.db?mode=ro", "mode=ro"),
            ("sqlite://", "names no file"),
            ("sqlite://directory/", "names no file"),
        ] {
            let message = database_file(url).unwrap_err().to_string();
            assert!(message.contains(said), "{url}: {message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
