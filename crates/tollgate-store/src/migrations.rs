//! The steps that bring a database to the form that this version knows. Steps are only ever
//! added: a database goes forward, never back.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Number, name and statements of each step. The names are those of the files, so that the list
/// can be compared with the folder.
const SQLITE: &[(i64, &str, &str)] = &[
    (
        1,
        "keys",
        include_str!("../migrations/sqlite/0001_keys.sql"),
    ),
    (
        2,
        "key_priority",
        include_str!("../migrations/sqlite/0002_key_priority.sql"),
    ),
];

/// The steps for SQLite. Written out instead of `sqlx::migrate!`, whose macro would compile
/// SQLite a second time for the compiler's own use.
pub(crate) fn sqlite() -> Migrator {
    up_to(latest())
}

/// The steps up to this one, which are all that an earlier version knew.
pub(crate) fn up_to(last: i64) -> Migrator {
    let known = SQLITE.iter().filter(|(version, ..)| *version <= last);
    let step = |&(version, name, statements): &(i64, &'static str, &'static str)| {
        let statements = statements.into_sql_str();
        Migration::new(
            version,
            name.into(),
            MigrationType::Simple,
            statements,
            false,
        )
    };
    Migrator::with_migrations(known.map(step).collect())
}

/// The last step that this version knows.
pub(crate) fn latest() -> i64 {
    SQLITE
        .iter()
        .map(|(version, ..)| *version)
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_a_step_and_every_step_has_a_file() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let steps: Vec<String> = SQLITE
            .iter()
            .map(|(version, name, _)| format!("{version:04}_{name}.sql"))
            .collect();
        assert_eq!(files, steps);
    }
}
