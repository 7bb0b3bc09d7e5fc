//! What aliases, access groups and model groups have in common: how their failures are worded, and
//! how they go.

use serde_json::{Value, json};
use tollgate_core::error::Failure;
use tollgate_core::offer::OfferKind;
use tollgate_engine::accounts::{Accounts, Decision, OfferChange};
use tollgate_engine::authority::Manager;
use tollgate_engine::offers::Shelf;

use super::{conflict, missing};

/// A kind of offer in the words of seed 001.
pub(super) struct Sort {
    kind: OfferKind,
    /// What callers read of it as `resource`.
    resource: &'static str,
    /// The member that names one.
    member: &'static str,
    /// How sentences call one.
    word: &'static str,
    /// How sentences call several.
    words: &'static str,
    /// How many there are at most.
    most: usize,
}

/// The most of what requests are routed by: every change goes through all of them.
const MOST_ROUTED: usize = 1000;
/// The most of what is only looked up.
const MOST: usize = 10_000;

pub(super) const ALIAS: Sort = Sort {
    kind: OfferKind::Alias,
    resource: "model_alias",
    member: "model_alias",
    word: "Model alias",
    words: "model aliases",
    most: MOST_ROUTED,
};

pub(super) const GROUP: Sort = Sort {
    kind: OfferKind::AccessGroup,
    resource: "access_group",
    member: "group_name",
    word: "Model access group",
    words: "model access groups",
    most: MOST,
};

pub(super) const MODEL_GROUP: Sort = Sort {
    kind: OfferKind::ModelGroup,
    resource: "model_group",
    member: "group_name",
    word: "Model group",
    words: "model groups",
    most: MOST_ROUTED,
};

impl Sort {
    /// There is none of this name.
    pub(super) fn absent(&self, name: &str) -> Failure {
        missing(self.resource, format!("{} '{name}' not found", self.word))
    }

    /// There is one of this name already.
    pub(super) fn taken(&self, name: &str) -> Failure {
        let text = format!("{} '{name}' already exists", self.word);
        conflict(self.resource, text)
    }

    /// Fails if there are as many as there can be.
    pub(super) fn check_room(&self, offered: &Shelf) -> Result<(), Failure> {
        let Self { most, words, .. } = self;
        if offered.count(self.kind) < *most {
            return Ok(());
        }
        let text = format!("There are {most} {words}, which is the most. Delete one first.");
        Err(conflict(self.resource, text))
    }

    /// What the audit log calls something that is done with one.
    pub(super) fn action(&self, verb: &str) -> String {
        format!("{}.{verb}", self.kind.as_str())
    }

    /// Takes one out. `decide` says what is changed beside it, and what the audit log says.
    pub(super) async fn delete(
        &self,
        accounts: &Accounts,
        by: &Manager,
        name: &str,
        decide: impl FnOnce(&Shelf) -> Result<Decision, Failure>,
    ) -> Result<(u16, Value), Failure> {
        let decide = |shelf: &Shelf| Ok(self.without(name, decide(shelf)?));
        let action = self.action("delete");
        accounts
            .change_offers(by, (&action, name), None, decide)
            .await?;
        Ok(self.deleted(name))
    }

    /// A decision by which it goes, too.
    pub(super) fn without(&self, name: &str, mut decision: Decision) -> Decision {
        let removal = OfferChange::Remove(self.kind, name.into());
        decision.changes.insert(0, removal);
        decision
    }

    /// What is answered when it has gone.
    pub(super) fn deleted(&self, name: &str) -> (u16, Value) {
        let message = format!("{} '{name}' deleted successfully", self.word);
        (200, json!({self.member: name, "message": message}))
    }
}
