//! Values on their way into statements and out of rows, alike for both databases.

use std::borrow::Cow;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Postgres, Row as _, SqlSafeStr, Sqlite};
use tollgate_core::time::Timestamp;

use super::trouble::Trouble;

/// A parameter of a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Integer(Option<i64>),
    Text(Option<&'a str>),
    Bytes(Option<&'a [u8]>),
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(time: Timestamp) -> Self {
        Self::Integer(Some(time.as_millis()))
    }
}

impl From<Option<Timestamp>> for Value<'_> {
    fn from(time: Option<Timestamp>) -> Self {
        Self::Integer(time.map(Timestamp::as_millis))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(Some(bytes))
    }
}

/// A count as the databases keep it. Fails for what is beyond their integers.
pub(crate) fn whole(number: u64) -> Result<i64, Trouble> {
    i64::try_from(number).map_err(Trouble::other)
}

/// A statement of SQLite.
pub(super) fn sqlite(
    sql: impl SqlSafeStr,
    values: &[Value<'_>],
) -> Query<'static, Sqlite, SqliteArguments> {
    let mut query = sqlx::query(sql);
    for value in values {
        query = match *value {
            Value::Integer(number) => query.bind(number),
            Value::Text(text) => query.bind(text),
            Value::Bytes(bytes) => query.bind(bytes),
        };
    }
    query
}

/// A statement of PostgreSQL.
pub(super) fn postgres(
    sql: impl SqlSafeStr,
    values: &[Value<'_>],
) -> Query<'static, Postgres, PgArguments> {
    let mut query = sqlx::query(sql);
    for value in values {
        query = match *value {
            Value::Integer(number) => query.bind(number),
            Value::Text(text) => query.bind(text.map(without_nul)),
            Value::Bytes(bytes) => query.bind(bytes),
        };
    }
    query
}

/// Stands before what stands for a character that PostgreSQL cannot keep. Itself it is a control
/// character that hardly anybody uses.
const ESCAPE: char = '\u{1a}';

/// PostgreSQL keeps every text but those with a NUL in them; SQLite, and so every caller, knows no
/// such exception. Two texts stay equal or different.
fn without_nul(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => kept.extend([ESCAPE, '0']),
            ESCAPE => kept.extend([ESCAPE, ESCAPE]),
            other => kept.push(other),
        }
    }
    Cow::Owned(kept)
}

fn with_nul(kept: &str) -> Cow<'_, str> {
    if !kept.contains(ESCAPE) {
        return Cow::Borrowed(kept);
    }
    let mut text = String::with_capacity(kept.len());
    let mut characters = kept.chars();
    while let Some(character) = characters.next() {
        match character {
            ESCAPE => text.push(match characters.next() {
                Some('0') => '\0',
                Some(other) => other,
                None => ESCAPE,
            }),
            other => text.push(other),
        }
    }
    Cow::Owned(text)
}

/// A row of an answer. Columns are read by their place.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// A number that may be missing.
    pub(crate) fn maybe_integer(&self, column: usize) -> Result<Option<i64>, Trouble> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// A number.
    pub(crate) fn integer(&self, column: usize) -> Result<i64, Trouble> {
        self.maybe_integer(column)?.ok_or_else(missing)
    }

    /// A count.
    pub(crate) fn count(&self, column: usize) -> Result<u64, Trouble> {
        u64::try_from(self.integer(column)?).map_err(Trouble::other)
    }

    /// A time.
    pub(crate) fn time(&self, column: usize) -> Result<Timestamp, Trouble> {
        self.integer(column).map(Timestamp::from_millis)
    }

    /// A text that may be missing.
    pub(crate) fn maybe_time(&self, column: usize) -> Result<Option<Timestamp>, Trouble> {
        Ok(self.maybe_integer(column)?.map(Timestamp::from_millis))
    }

    /// A text that may be missing.
    pub(crate) fn maybe_text(&self, column: usize) -> Result<Option<Cow<'_, str>>, Trouble> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get::<Option<&str>, _>(column)?.map(Cow::Borrowed),
            Self::Postgres(row) => row.try_get::<Option<&str>, _>(column)?.map(with_nul),
        })
    }

    /// A text.
    pub(crate) fn text(&self, column: usize) -> Result<Cow<'_, str>, Trouble> {
        self.maybe_text(column)?.ok_or_else(missing)
    }

    /// A text to keep.
    pub(crate) fn boxed(&self, column: usize) -> Result<Box<str>, Trouble> {
        self.text(column).map(|text| text.into_owned().into())
    }

    /// A text to keep that may be missing.
    pub(crate) fn maybe_boxed(&self, column: usize) -> Result<Option<Box<str>>, Trouble> {
        let text = self.maybe_text(column)?;
        Ok(text.map(|text| text.into_owned().into()))
    }

    /// Bytes that may be missing.
    pub(crate) fn maybe_bytes(&self, column: usize) -> Result<Option<&[u8]>, Trouble> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// Bytes.
    pub(crate) fn bytes(&self, column: usize) -> Result<&[u8], Trouble> {
        self.maybe_bytes(column)?.ok_or_else(missing)
    }

    /// So many bytes.
    pub(crate) fn array<const N: usize>(&self, column: usize) -> Result<[u8; N], Trouble> {
        self.bytes(column)?.try_into().map_err(Trouble::other)
    }
}

fn missing() -> Trouble {
    Trouble::other("a row lacks a value that every version writes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_nul_survive_a_database_that_has_none() {
        for text in [
            "",
            "a",
            "\0",
            "a\0b\u{1a}",
            "\u{1a}0",
            "\u{1a}\u{1a}\0",
            "0",
        ] {
            let kept = without_nul(text);
            assert!(!kept.contains('\0'));
            assert_eq!(with_nul(&kept), text);
        }
        assert_ne!(without_nul("\0"), without_nul("\u{1a}0"));
    }
}
