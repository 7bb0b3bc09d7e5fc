//! When keys were last used: noted in memory, written every few seconds.

use super::Accounts;
use crate::keys::{Entry, KeyTable, Use};
use crate::port::{Store, StoreError};
use tollgate_core::time::Timestamp;

/// How many uses are written at once.
const USES_PER_WRITE: usize = 8192;

impl Accounts {
    /// Notes that a key has been used.
    pub fn note_use(&self, entry: &Entry, now: Timestamp) {
        self.table.note_use(entry, now);
    }

    /// Writes when keys were last used, as far as that has not been written. To be called every
    /// few seconds, and once at the end.
    pub async fn flush_uses(&self) -> Result<(), StoreError> {
        let mut taken = Taken {
            table: &self.table,
            uses: Vec::new(),
        };
        for part in self.table.parts() {
            taken.uses.extend(self.table.take_uses(part));
            if taken.uses.len() >= USES_PER_WRITE {
                taken.write(&*self.store).await?;
            }
            // A part of a large table takes a millisecond to look through.
            tokio::task::yield_now().await;
        }
        taken.write(&*self.store).await
    }
}

/// Uses that were taken out of the table. Those that are not written go back.
struct Taken<'a> {
    table: &'a KeyTable,
    uses: Vec<Use>,
}

impl Taken<'_> {
    async fn write(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        if self.uses.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = self
            .uses
            .iter()
            .map(|(entry, at)| (entry.key().id.clone(), *at))
            .collect();
        store.note_uses(&rows).await?;
        KeyTable::uses_are_written(&std::mem::take(&mut self.uses));
        Ok(())
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.table.uses_are_not_written(&self.uses);
    }
}
