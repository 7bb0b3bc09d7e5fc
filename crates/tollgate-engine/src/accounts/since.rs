//! When what is declared was declared for the first time. Declarations are kept in memory alone,
//! all but this: else every start would make them anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tollgate_core::time::Timestamp;

use super::Accounts;
use crate::port::{Change, StoreError};

/// The setting of the store that keeps it.
const SETTING: &str = "declared_since";

/// The times of all that was ever declared, by what it is and how it is called.
pub(super) struct Since {
    known: BTreeMap<Box<str>, Timestamp>,
    now: Timestamp,
    is_new: bool,
}

impl Since {
    /// When this was declared for the first time: now, if it never was.
    pub(super) fn of(&mut self, kind: &str, id: &str) -> Timestamp {
        let name = format!("{kind}:{id}").into_boxed_str();
        if let Some(since) = self.known.get(&name) {
            return *since;
        }
        self.known.insert(name, self.now);
        self.is_new = true;
        self.now
    }

    /// The same of something that may have been there before it was declared.
    pub(super) fn or(&mut self, former: Option<Timestamp>, (kind, id): (&str, &str)) -> Timestamp {
        // What is always there has no time.
        let former = former.filter(|former| former.as_millis() > 0);
        former.unwrap_or_else(|| self.of(kind, id))
    }
}

impl Accounts {
    /// What is known of it.
    pub(super) async fn since(&self) -> Result<Since, StoreError> {
        let kept = self.store.setting(SETTING).await?;
        Ok(Since {
            known: read(kept.as_deref().unwrap_or_default()),
            now: self.now(),
            is_new: false,
        })
    }

    /// Keeps what has come to it. Where the store does not take it, the next start tries again.
    pub(super) async fn keep_since(&self, since: &Since) {
        if !since.is_new {
            return;
        }
        let change = Change::SetSetting {
            name: SETTING.into(),
            value: written(&since.known).into(),
        };
        // No operator did it, so the audit log says nothing of it.
        if let Err(error) = self.store.change(&[change], &[]).await {
            tracing::warn!(%error, "the times of declarations are not kept");
        }
    }
}

/// A line for each: the time in milliseconds, and what it is.
fn written(known: &BTreeMap<Box<str>, Timestamp>) -> String {
    let mut text = String::new();
    for (name, since) in known {
        // Nobody would find the rest of such a name.
        if !name.contains('\n') {
            _ = writeln!(text, "{} {name}", since.as_millis());
        }
    }
    text
}

fn read(text: &str) -> BTreeMap<Box<str>, Timestamp> {
    let lines = text.lines().filter_map(|line| {
        let (since, name) = line.split_once(' ')?;
        let since = Timestamp::from_millis(since.parse().ok()?);
        Some((name.into(), since))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let names = ["team:a", "team:a b", "organization:\u{e9}", "key: x"];
        let times = (1..).map(|number| Timestamp::from_millis(number * 1_000));
        let known: BTreeMap<Box<str>, Timestamp> =
            names.iter().map(|name| (*name).into()).zip(times).collect();
        assert_eq!(read(&written(&known)), known);
        assert_eq!(read("what nobody wrote\n\n7"), BTreeMap::new());
    }
}
