//! The steps that bring a database to the form that this version knows. Steps are only ever
//! added: a database goes forward, never back.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Number, name and statements of a step. The names are those of the files, so that the list can
/// be compared with the folder.
type Step = (i64, &'static str, &'static str);

const SQLITE: &[Step] = &[
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
    (
        3,
        "money",
        include_str!("../migrations/sqlite/0003_money.sql"),
    ),
    (
        4,
        "jobs",
        include_str!("../migrations/sqlite/0004_jobs.sql"),
    ),
    (
        5,
        "offers",
        include_str!("../migrations/sqlite/0005_offers.sql"),
    ),
    (
        6,
        "details",
        include_str!("../migrations/sqlite/0006_details.sql"),
    ),
    (
        7,
        "job_indexes",
        include_str!("../migrations/sqlite/0007_job_indexes.sql"),
    ),
    (
        8,
        "job_call_counts",
        include_str!("../migrations/sqlite/0008_job_call_counts.sql"),
    ),
];

const POSTGRES: &[Step] = &[
    (
        1,
        "everything",
        include_str!("../migrations/postgres/0001_everything.sql"),
    ),
    (
        2,
        "jobs",
        include_str!("../migrations/postgres/0002_jobs.sql"),
    ),
    (
        3,
        "offers",
        include_str!("../migrations/postgres/0003_offers.sql"),
    ),
    (
        4,
        "details",
        include_str!("../migrations/postgres/0004_details.sql"),
    ),
    (
        5,
        "job_indexes",
        include_str!("../migrations/postgres/0005_job_indexes.sql"),
    ),
    (
        6,
        "job_call_counts",
        include_str!("../migrations/postgres/0006_job_call_counts.sql"),
    ),
];

/// The steps for SQLite. Written out instead of `sqlx::migrate!`, whose macro would compile
/// SQLite a second time for the compiler's own use.
pub(crate) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

/// The steps for PostgreSQL.
pub(crate) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

/// The last step for SQLite that this version knows.
pub(crate) fn sqlite_latest() -> i64 {
    latest(SQLITE)
}

/// The last step for PostgreSQL that this version knows.
pub(crate) fn postgres_latest() -> i64 {
    latest(POSTGRES)
}

/// The steps up to this one, which are all that an earlier version knew.
#[cfg(test)]
pub(crate) fn sqlite_up_to(last: i64) -> Migrator {
    let known = SQLITE.iter().filter(|(version, ..)| *version <= last);
    migrator(&known.copied().collect::<Vec<_>>())
}

fn migrator(steps: &[Step]) -> Migrator {
    let step = |&(version, name, statements): &Step| {
        let statements = statements.into_sql_str();
        Migration::new(
            version,
            name.into(),
            MigrationType::Simple,
            statements,
            false,
        )
    };
    Migrator::with_migrations(steps.iter().map(step).collect())
}

fn latest(steps: &[Step]) -> i64 {
    let versions = steps.iter().map(|(version, ..)| *version);
    versions.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_a_step_and_every_step_has_a_file() {
        for (folder, steps) in [("sqlite", SQLITE), ("postgres", POSTGRES)] {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
            let mut files: Vec<String> = std::fs::read_dir(root.join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            let steps: Vec<String> = steps
                .iter()
                .map(|(version, name, _)| format!("{version:04}_{name}.sql"))
                .collect();
            assert_eq!(files, steps);
        }
    }
}
