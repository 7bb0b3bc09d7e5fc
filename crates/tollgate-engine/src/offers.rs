//! What operators offer to teams while the gateway runs, as requests meet it, and who may use it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwap, Guard};
use tollgate_core::id::TeamId;
use tollgate_core::offer::{
    AccessGroup, Alias, ModelGroup, Offer, OfferKind, OfferStatus, TeamOffer,
};

use crate::caller::Caller;
use crate::routes::{Gate, Route};

/// Everything that is offered.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    /// Aliases by name.
    pub aliases: BTreeMap<Box<str>, Arc<Alias>>,
    /// Access groups by name.
    pub groups: BTreeMap<Box<str>, Arc<AccessGroup>>,
    /// Model groups by name.
    pub model_groups: BTreeMap<Box<str>, Arc<ModelGroup>>,
    teams: Arc<HashMap<TeamId, Arc<TeamOffer>>>,
}

impl Shelf {
    /// What a team was given; `None` for one that was never given anything.
    pub fn team(&self, id: &TeamId) -> Option<&Arc<TeamOffer>> {
        self.teams.get(id)
    }

    /// What teams were given.
    pub fn teams(&self) -> impl Iterator<Item = &Arc<TeamOffer>> {
        self.teams.values()
    }

    /// How many there are of a kind.
    pub fn count(&self, kind: OfferKind) -> usize {
        match kind {
            OfferKind::Alias => self.aliases.len(),
            OfferKind::AccessGroup => self.groups.len(),
            OfferKind::ModelGroup => self.model_groups.len(),
            OfferKind::Team => self.teams.len(),
        }
    }

    /// The aliases that an access group holds, by name.
    pub fn aliases_of<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a Arc<Alias>> {
        let all = self.aliases.values();
        all.filter(move |alias| alias.groups.iter().any(|of| **of == *group))
    }

    /// The teams that have an access group, by id.
    pub fn teams_of_group(&self, group: &str) -> Vec<&str> {
        self.teams_with(|offer| offer.groups.iter().any(|of| **of == *group))
    }

    /// The teams that have a model group, by id.
    pub fn teams_of_model_group(&self, group: &str) -> Vec<&str> {
        self.teams_with(|offer| offer.model_groups.iter().any(|of| **of == *group))
    }

    /// The names of the aliases that a team may use, in their order.
    pub fn allowed_aliases(&self, offer: &TeamOffer) -> Vec<&str> {
        let all = self.aliases.values();
        let open = all.filter(|alias| {
            alias.status != OfferStatus::Inactive
                && self
                    .open_groups(alias)
                    .any(|group| offer.groups.iter().any(|own| **own == *group))
        });
        open.map(|alias| &*alias.name).collect()
    }

    /// The access groups that open an alias now.
    pub fn open_groups<'a>(&'a self, alias: &'a Alias) -> impl Iterator<Item = &'a str> {
        alias.groups.iter().map(AsRef::as_ref).filter(|group| {
            let group = self.groups.get(*group);
            group.is_some_and(|group| group.status != OfferStatus::Inactive)
        })
    }

    fn teams_with(&self, has: impl Fn(&TeamOffer) -> bool) -> Vec<&str> {
        let mut ids: Vec<&str> = self
            .teams
            .values()
            .filter(|offer| !offer.deleted && has(offer))
            .map(|offer| &*offer.team)
            .collect();
        ids.sort_unstable();
        ids
    }

    fn put(&mut self, offer: Offer) {
        match offer {
            Offer::Alias(alias) => {
                self.aliases.insert(alias.name.clone(), Arc::new(alias));
            }
            Offer::AccessGroup(group) => {
                self.groups.insert(group.name.clone(), Arc::new(group));
            }
            Offer::ModelGroup(group) => {
                self.model_groups
                    .insert(group.name.clone(), Arc::new(group));
            }
            Offer::Team(offer) => {
                let id = TeamId::from_stored(&offer.team);
                Arc::make_mut(&mut self.teams).insert(id, Arc::new(offer));
            }
        }
    }

    fn remove(&mut self, kind: OfferKind, name: &str) {
        match kind {
            OfferKind::Alias => {
                self.aliases.remove(name);
            }
            OfferKind::AccessGroup => {
                self.groups.remove(name);
            }
            OfferKind::ModelGroup => {
                self.model_groups.remove(name);
            }
            OfferKind::Team => {
                Arc::make_mut(&mut self.teams).remove(&TeamId::from_stored(name));
            }
        }
    }
}

type Hook = Box<dyn Fn() + Send + Sync>;

/// What is offered now.
#[derive(Default)]
pub struct Offers {
    shelf: ArcSwap<Shelf>,
    changed: OnceLock<Hook>,
}

impl Offers {
    pub(crate) fn new(offers: Vec<Offer>) -> Self {
        let mut shelf = Shelf::default();
        for offer in offers {
            shelf.put(offer);
        }
        Self {
            shelf: ArcSwap::from_pointee(shelf),
            changed: OnceLock::new(),
        }
    }

    /// What is offered now.
    pub fn shelf(&self) -> Guard<Arc<Shelf>> {
        self.shelf.load()
    }

    /// From now on this is done once after each change of what requests are routed by, however
    /// much it changes. To be said once.
    pub fn when_changed(&self, hook: impl Fn() + Send + Sync + 'static) {
        _ = self.changed.set(Box::new(hook));
    }

    /// Whether a caller's team was given a route. Costs a load where nobody was given anything.
    pub fn opens(&self, caller: &Caller, route: &Route) -> bool {
        self.opens_gate(caller, route.gate.as_deref())
    }

    /// The same of whatever has such a gate.
    pub fn opens_gate(&self, caller: &Caller, gate: Option<&Gate>) -> bool {
        let offered = self.shelf.load();
        if offered.teams.is_empty() {
            return gate.is_none();
        }
        let offer = offered.team(&caller.team().id);
        match (gate, offer) {
            (None, None) => true,
            (None, Some(offer)) => !offer.only,
            (Some(_), None) => false,
            (Some(Gate::Alias(groups)), Some(offer)) => {
                groups.iter().any(|group| offer.groups.contains(group))
            }
            (Some(Gate::Group(name)), Some(offer)) => offer.model_groups.contains(name),
        }
    }

    /// Takes changes that are durable, all at once. To be called with nobody else changing
    /// anything.
    pub(crate) fn take(&self, changes: Vec<Taken>) {
        if changes.is_empty() {
            return;
        }
        let mut offered = Shelf::clone(&self.shelf.load());
        let mut is_routed_by = false;
        for change in changes {
            // What a team was given is asked for by each request.
            is_routed_by |= change.kind() != OfferKind::Team;
            match change {
                Taken::Put(offer) => offered.put(offer),
                Taken::Removed(kind, name) => offered.remove(kind, &name),
            }
        }
        self.shelf.store(Arc::new(offered));
        if is_routed_by && let Some(changed) = self.changed.get() {
            changed();
        }
    }
}

/// A change that is durable.
#[derive(Clone, Debug)]
pub(crate) enum Taken {
    Put(Offer),
    Removed(OfferKind, Box<str>),
}

impl Taken {
    fn kind(&self) -> OfferKind {
        match self {
            Self::Put(offer) => offer.kind(),
            Self::Removed(kind, _) => *kind,
        }
    }
}

impl fmt::Debug for Offers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Offers")
    }
}

#[cfg(test)]
mod tests;
