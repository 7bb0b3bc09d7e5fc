//! URLs of PostgreSQL, which may hold a password: no part of one is ever repeated but host, port
//! and name.

use std::str::FromStr as _;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::open::OpenError;

/// What may stand behind the `?`. The driver would log the value of any other.
const OPTIONS: [&str; 11] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "user",
    "password",
    "dbname",
    "application_name",
    "options",
];

/// Whether the URL can be understood.
pub(crate) fn check(url: &str) -> Result<(), OpenError> {
    options(url).map(drop)
}

/// How the server is reached.
pub(super) fn options(url: &str) -> Result<PgConnectOptions, OpenError> {
    let refused = |why: &str| Err(OpenError::Url(why.to_owned()));
    let (_, options) = url.split_once('?').unwrap_or((url, ""));
    for option in options.split('&').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        if !OPTIONS.contains(&name) {
            return refused("it has an option that is not supported");
        }
        if name == "sslmode" && PgSslMode::from_str(value).is_err() {
            return refused(
                "its `sslmode` must be disable, allow, prefer, require, verify-ca or verify-full",
            );
        }
    }
    let Ok(options) = PgConnectOptions::from_str(url) else {
        return refused("it cannot be read (encode special characters of the password as %XX)");
    };
    if options.get_database().is_none_or(str::is_empty) {
        return refused("it names no database");
    }
    Ok(options
        .application_name("tollgate")
        .disable_statement_logging())
}

/// Where the database is, for messages.
pub(super) fn place(options: &PgConnectOptions) -> String {
    let name = options.get_database().unwrap_or_default();
    match options.get_socket() {
        Some(socket) => format!("{name} at {}", socket.display()),
        None => format!("{name} at {}:{}", options.get_host(), options.get_port()),
    }
}
