//! Nodes of one kind, by id: those that the store holds, those that the configuration declares,
//! and those that others still refer to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is kept of an organization, a team or a user while the process runs.
pub(super) trait Node {
    /// Names it.
    type Id: Ord + Clone;
    /// What is declared of it.
    type Facts;

    /// The id in the facts.
    fn id_of(facts: &Self::Facts) -> &Self::Id;
    /// A copy of the facts.
    fn read(&self) -> Self::Facts;
    /// Replaces the facts.
    fn set(&self, facts: Self::Facts);
    /// Suspends it.
    fn close(&self);
}

/// Nodes by id.
pub(super) struct Table<N: Node> {
    nodes: BTreeMap<N::Id, Arc<N>>,
    /// Nodes without facts at the moment.
    absent: BTreeSet<N::Id>,
    /// Where the configuration declares those that it declares.
    declared: BTreeMap<N::Id, Box<str>>,
    /// What the store holds of those.
    hidden: BTreeMap<N::Id, N::Facts>,
}

impl<N: Node> Default for Table<N> {
    fn default() -> Self {
        Self {
            nodes: BTreeMap::new(),
            absent: BTreeSet::new(),
            declared: BTreeMap::new(),
            hidden: BTreeMap::new(),
        }
    }
}

impl<N: Node> Table<N> {
    /// The node, absent or not.
    pub(super) fn node(&self, id: &N::Id) -> Option<Arc<N>> {
        self.nodes.get(id).map(Arc::clone)
    }

    /// The node, if it is not absent.
    pub(super) fn find(&self, id: &N::Id) -> Option<Arc<N>> {
        self.node(id).filter(|_| !self.absent.contains(id))
    }

    /// Every node that is not absent, in the order of their ids.
    pub(super) fn list(&self) -> Vec<Arc<N>> {
        let all = self.nodes.iter();
        let there = all.filter(|(id, _)| self.absent.is_empty() || !self.absent.contains(id));
        there.map(|(_, node)| Arc::clone(node)).collect()
    }

    /// The node, if it is there without any declaration.
    pub(super) fn held(&self, id: &N::Id) -> Option<Arc<N>> {
        let is_held = !self.declared.contains_key(id) || self.hidden.contains_key(id);
        self.find(id).filter(|_| is_held)
    }

    /// Where the configuration declares it, if it does.
    pub(super) fn declared_at(&self, id: &N::Id) -> Option<Box<str>> {
        self.declared.get(id).cloned()
    }

    /// Takes facts from the store or on their way there.
    pub(super) fn put(&mut self, facts: N::Facts, make: impl FnOnce(N::Facts) -> N) -> Arc<N> {
        let id = N::id_of(&facts).clone();
        self.absent.remove(&id);
        if let Some(node) = self.nodes.get(&id) {
            node.set(facts);
            return Arc::clone(node);
        }
        let node = Arc::new(make(facts));
        self.nodes.insert(id, Arc::clone(&node));
        node
    }

    /// Makes an absent node, if there is none of this id.
    pub(super) fn expect(&mut self, facts: N::Facts, make: impl FnOnce(N::Facts) -> N) -> Arc<N> {
        let id = N::id_of(&facts).clone();
        if let Some(node) = self.nodes.get(&id) {
            return Arc::clone(node);
        }
        let node = Arc::new(make(facts));
        self.absent.insert(id.clone());
        self.nodes.insert(id, Arc::clone(&node));
        node
    }

    /// Has a node be absent. Whoever still refers to it finds it suspended.
    pub(super) fn close(&mut self, id: &N::Id) {
        if let Some(node) = self.nodes.get(id) {
            node.close();
            self.absent.insert(id.clone());
        }
    }

    /// Takes a node out. Whoever still refers to it finds it suspended.
    pub(super) fn forget(&mut self, id: &N::Id) {
        self.absent.remove(id);
        if let Some(node) = self.nodes.remove(id) {
            node.close();
        }
    }

    /// Replaces everything that was declared.
    pub(super) fn declare(
        &mut self,
        declared: Vec<(N::Facts, Box<str>)>,
        make: impl Fn(N::Facts) -> Option<N>,
    ) {
        let mut former = std::mem::take(&mut self.declared);
        for (facts, place) in declared {
            let id = N::id_of(&facts).clone();
            let was_declared = former.remove(&id).is_some();
            let was_absent = self.absent.remove(&id);
            if let Some(node) = self.nodes.get(&id) {
                if !was_declared && !was_absent {
                    self.hidden.insert(id.clone(), node.read());
                }
                node.set(facts);
            } else if let Some(node) = make(facts) {
                self.nodes.insert(id.clone(), Arc::new(node));
            }
            self.declared.insert(id, place);
        }
        for id in former.into_keys() {
            let Some(node) = self.nodes.get(&id) else {
                continue;
            };
            if let Some(facts) = self.hidden.remove(&id) {
                node.set(facts);
            } else {
                node.close();
                self.absent.insert(id);
            }
        }
    }
}
