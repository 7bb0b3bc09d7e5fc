//! What went wrong in the database, and whether trying again is safe.

use std::error::Error;

use tollgate_engine::port::StoreError;

/// A failure of the database.
#[derive(Debug)]
pub(crate) struct Trouble {
    error: Box<dyn Error + Send + Sync>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The connection is gone, and what had been begun on it does not happen.
    Lost,
    /// The database took everything back, because it met the work of others.
    Undone,
    /// The connection is gone, and nobody can say what became of the last word.
    Unsure,
    /// Anything else. Nothing happened.
    Other,
}

impl Trouble {
    /// A failure of our own.
    pub(crate) fn other(text: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            error: text.into(),
            kind: Kind::Other,
        }
    }

    /// The same, with what it is about.
    pub(crate) fn about(self, what: &str) -> Self {
        let error = format!("{what}: {}", self.error);
        Self {
            error: error.into(),
            ..self
        }
    }

    /// A connection could not be made.
    pub(crate) fn connecting(error: sqlx::Error) -> Self {
        Self {
            error: error.into(),
            kind: Kind::Other,
        }
    }

    /// Whether the connection is of no use any more.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.kind, Kind::Lost | Kind::Unsure)
    }

    /// Whether the same may be tried again: nothing has happened, and it may go well.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.kind, Kind::Lost | Kind::Undone)
    }

    /// The same where the last word was the one that counts.
    pub(crate) fn at_commit(mut self) -> Self {
        if self.kind == Kind::Lost {
            self.kind = Kind::Unsure;
        }
        self
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        let kind = match &error {
            sqlx::Error::Database(reported) => {
                // SQLite's codes are numbers of other lengths, so they cannot be mistaken.
                reported.code().map_or(Kind::Other, |code| of_code(&code))
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed => Kind::Lost,
            _ => Kind::Other,
        };
        Self {
            error: error.into(),
            kind,
        }
    }
}

/// By the codes of PostgreSQL (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn of_code(code: &str) -> Kind {
    match code {
        // A serialization failure, a deadlock.
        "40001" | "40P01" => Kind::Undone,
        // The server ends, has crashed, begins, or has had enough of a silent transaction. Or the
        // session may only read, as at a server that was a standby when it began: a new one may
        // do more.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25006" => Kind::Lost,
        code if code.len() == 5 && code.starts_with("08") => Kind::Lost,
        _ => Kind::Other,
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble.kind {
            Kind::Unsure => Self::unsure(trouble.error),
            Kind::Lost | Kind::Undone | Kind::Other => Self(trouble.error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_did_not_happen_is_tried_again() {
        assert!(Trouble::from(sqlx::Error::WorkerCrashed).is_passing());
        let unsure = Trouble::from(sqlx::Error::WorkerCrashed).at_commit();
        assert!(!unsure.is_passing() && unsure.is_lost());
        for (code, kind) in [
            ("40001", Kind::Undone),
            ("40P01", Kind::Undone),
            ("57P01", Kind::Lost),
            ("25006", Kind::Lost),
            ("08006", Kind::Lost),
            ("23505", Kind::Other),
            ("2067", Kind::Other),
            ("8", Kind::Other),
        ] {
            assert_eq!(of_code(code), kind, "{code}");
        }
    }
}
