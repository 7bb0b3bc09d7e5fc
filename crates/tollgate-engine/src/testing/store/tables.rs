//! What the store in memory holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_core::audit::AuditRow;
use tollgate_core::id::KeyId;
use tollgate_core::job::{CallRecord, Job};
use tollgate_core::key::VirtualKey;
use tollgate_core::ledger::{Page, PageHead, WalletId};
use tollgate_core::limit::Level;
use tollgate_core::offer::{Offer, OfferKind};
use tollgate_core::tenant::{Organization, Team, User};
use tollgate_core::time::Timestamp;

use crate::port::{
    Appended, AuditQuery, Change, StoredConnection, StoredKey, StoredReplay, StoredSegment,
    Transaction, UsageBy, UsageQuery, UsageRow,
};

use super::{Outcome, refused};

#[derive(Clone, Default)]
pub(super) struct Tables {
    pub(super) keys: BTreeMap<KeyId, StoredKey>,
    pub(super) organizations: BTreeMap<Box<str>, Organization>,
    pub(super) teams: BTreeMap<Box<str>, Team>,
    pub(super) users: BTreeMap<Box<str>, User>,
    pub(super) connections: BTreeMap<Box<str>, StoredConnection>,
    pub(super) offers: BTreeMap<(OfferKind, Box<str>), Offer>,
    pub(super) settings: BTreeMap<Box<str>, Box<str>>,
    pub(super) audit: Vec<AuditRow>,
    pub(super) pages: Vec<Page>,
    pub(super) transactions: Vec<Transaction>,
    pub(super) checkpoint: PageHead,
    pub(super) balances: BTreeMap<WalletId, i64>,
    pub(super) usage: BTreeMap<UsageKey, UsageRow>,
    pub(super) segments: Vec<StoredSegment>,
    pub(super) replays: BTreeMap<[u8; 32], StoredReplay>,
    /// In the order in which they were made.
    pub(super) jobs: Vec<Job>,
    /// The same.
    pub(super) job_calls: Vec<CallRecord>,
}

/// What tells rows of usage apart.
type UsageKey = (Timestamp, Box<str>, Box<str>, Box<str>, Box<str>, Box<str>);

impl Tables {
    pub(super) fn change(&mut self, change: &Change) -> Outcome<()> {
        match change {
            Change::InsertKey(key) => return self.insert_key(key),
            Change::UpdateKey(key) => return self.update_key(key),
            Change::PutOrganization(new) => {
                let id = new.id.as_str().into();
                self.organizations.insert(id, Organization::clone(new));
            }
            Change::PutTeam(new) => {
                self.teams.insert(new.id.as_str().into(), Team::clone(new));
            }
            Change::PutUser(new) => {
                self.users.insert(new.id.as_str().into(), User::clone(new));
            }
            Change::DeleteUser(id) => {
                self.users.remove(id);
            }
            Change::PutConnection(new) => {
                let name = new.name.clone();
                self.connections.insert(name, StoredConnection::clone(new));
            }
            Change::DeleteTeam(id) => {
                self.teams.remove(&**id);
            }
            Change::PutOffer(offer) => {
                let name = (offer.kind(), offer.name().into());
                self.offers.insert(name, Offer::clone(offer));
            }
            Change::DeleteOffer { kind, name } => {
                self.offers.remove(&(*kind, name.clone()));
            }
            Change::DeleteConnection(name) => {
                self.connections.remove(name);
            }
            Change::SetSetting { name, value } => {
                self.settings.insert(name.clone(), value.clone());
            }
        }
        Ok(())
    }

    pub(super) fn insert_key(&mut self, key: &VirtualKey) -> Outcome<()> {
        let mut keys = self.keys.values();
        if keys.any(|stored| stored.key.id == key.id || stored.key.hash == key.hash) {
            return refused("there is a key of this id or hash already");
        }
        let stored = StoredKey {
            key: Arc::new(key.clone()),
            last_used_at: None,
        };
        self.keys.insert(key.id.clone(), stored);
        Ok(())
    }

    pub(super) fn update_key(&mut self, key: &VirtualKey) -> Outcome<()> {
        let Some(stored) = self.keys.get_mut(&key.id) else {
            return refused("there is no key of this id");
        };
        let created_at = stored.key.created_at;
        stored.key = Arc::new(VirtualKey {
            created_at,
            ..key.clone()
        });
        Ok(())
    }

    pub(super) fn append(
        &mut self,
        page: &Page,
        transactions: &[Transaction],
    ) -> Outcome<Appended> {
        let number = page.head.number;
        if let Some(there) = self.pages.iter().find(|there| there.head.number == number) {
            let same = there.head == page.head;
            return Ok(if same {
                Appended::Before
            } else {
                Appended::Other
            });
        }
        let last = self.pages.last().map_or(0, |last| last.head.number);
        if number != last + 1 {
            return Ok(Appended::Other);
        }
        for new in transactions {
            let mut there = self.transactions.iter();
            if new.reference.is_some()
                && there.any(|old| old.wallet == new.wallet && old.reference == new.reference)
            {
                return refused("there is a transaction of this reference already");
            }
        }
        self.pages.push(page.clone());
        self.transactions.extend(transactions.iter().cloned());
        Ok(Appended::Now)
    }

    pub(super) fn use_more(&mut self, row: &UsageRow) {
        let key = (
            row.quarter,
            row.organization.clone(),
            row.team.clone(),
            row.user.clone(),
            row.key.clone(),
            row.model.clone(),
        );
        match self.usage.get_mut(&key) {
            Some(there) => add(there, row),
            None => {
                self.usage.insert(key, row.clone());
            }
        }
    }
}

pub(super) fn add(there: &mut UsageRow, more: &UsageRow) {
    there.calls += more.calls;
    there.prompt += more.prompt;
    there.completion += more.completion;
    there.cost += more.cost;
}

pub(super) fn is_of(row: &UsageRow, query: &UsageQuery) -> bool {
    let of = query.of.as_ref().is_none_or(|(level, id)| {
        let is = match level {
            Level::Key => &row.key,
            Level::User => &row.user,
            Level::Team => &row.team,
            Level::Organization => &row.organization,
            Level::Model => &row.model,
            Level::Ip => return false,
        };
        is == id
    });
    of && query.model.as_ref().is_none_or(|model| *model == row.model)
        && query.from.is_none_or(|from| row.quarter >= from)
        && query.to.is_none_or(|to| row.quarter < to)
}

pub(super) fn folded(row: &UsageRow, by: &[UsageBy]) -> UsageRow {
    let kept = |what: UsageBy, text: &str| -> Box<str> {
        if by.contains(&what) { text } else { "" }.into()
    };
    let quarter = by.contains(&UsageBy::Quarter);
    UsageRow {
        quarter: if quarter {
            row.quarter
        } else {
            Timestamp::from_millis(0)
        },
        organization: kept(UsageBy::Organization, &row.organization),
        team: kept(UsageBy::Team, &row.team),
        user: kept(UsageBy::User, &row.user),
        key: kept(UsageBy::Key, &row.key),
        model: kept(UsageBy::Model, &row.model),
        ..*row
    }
}

pub(super) fn is_wanted(row: &AuditRow, query: &AuditQuery) -> bool {
    query
        .organization
        .is_none_or_eq(row.organization.as_deref())
        && query.object.is_none_or_eq(Some(&row.object))
        && query.object_id.is_none_or_eq(Some(&row.object_id))
        && query.from.is_none_or(|from| row.at >= from)
        && query.to.is_none_or(|to| row.at < to)
}

trait IsNoneOrEq {
    fn is_none_or_eq(&self, other: Option<&str>) -> bool;
}

impl IsNoneOrEq for Option<Box<str>> {
    fn is_none_or_eq(&self, other: Option<&str>) -> bool {
        self.as_deref().is_none_or(|wanted| Some(wanted) == other)
    }
}

pub(super) fn page_of<T: Clone>(rows: impl Iterator<Item = T>, offset: u64, limit: u32) -> Vec<T> {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    rows.skip(offset).take(limit).collect()
}
