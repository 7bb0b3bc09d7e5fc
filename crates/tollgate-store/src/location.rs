//! Where the database of a URL lies.

use std::path::PathBuf;
use std::str::FromStr as _;

use sqlx::sqlite::SqliteConnectOptions;

use crate::database::check_server;
use crate::open::OpenError;

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a file of this machine.
    File(PathBuf),
    /// On a server.
    Server,
}

impl Location {
    /// Reads a database URL: `sqlite://` and a path, relative to the working directory unless it
    /// begins with a slash, or `postgres://` with user, host and name. Nothing is opened.
    pub fn of(url: &str) -> Result<Self, OpenError> {
        // A URL may hold a password: only its scheme is ever repeated.
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(OpenError::Url("it has no scheme".to_owned()));
        };
        match scheme {
            "sqlite" => file(rest).map(Self::File),
            "postgres" | "postgresql" => check_server(url).map(|()| Self::Server),
            other => Err(OpenError::Url(format!("the scheme {other:?} is not known"))),
        }
    }
}

fn file(rest: &str) -> Result<PathBuf, OpenError> {
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
            let location = Location::of(url).unwrap();
            assert_eq!(location, Location::File(PathBuf::from(file)), "{url}");
        }
    }

    #[test]
    fn a_url_of_a_server_is_recognized() {
        for url in [
            "postgres://tollgate:secret@db.example:5432/tollgate?sslmode=verify-full",
            "postgresql:///tollgate?host=/run/postgresql",
        ] {
            assert_eq!(Location::of(url).unwrap(), Location::Server, "{url}");
        }
    }

    #[test]
    fn other_urls_are_refused_without_repeating_secrets() {
        for (url, said) in [
            ("mysql://user:secret@host/db", "\"mysql\""),
            ("postgres://user:secret@host:secret/db", "postgres://USER"),
            ("postgres://user:secret@host/db?sslmode=secret", "sslmode"),
            ("postgres://user:secret@host", "names no database"),
            ("postgres://user:secret@host/db?secret=1", "option"),
            ("tollgate.db", "no scheme"),
            ("sqlite::memory:", "memory"),
            ("sqlite://x.db?mode=memory", "memory"),
            ("sqlite://x.db?mode=ro", "mode=ro"),
            ("sqlite://", "names no file"),
            ("sqlite://directory/", "names no file"),
        ] {
            let message = Location::of(url).unwrap_err().to_string();
            assert!(message.contains(said), "{url}: {message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
