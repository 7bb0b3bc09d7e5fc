//! The table of models: which target serves a name that a caller asks for.

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_core::model::{ModelFacts, Route, Target, Timeouts, Unsupported};

/// A model as the configuration declares it.
#[derive(Clone, Debug)]
pub struct DeclaredModel {
    /// The public name; one that ends in `/*` opens a whole connection.
    pub name: Arc<str>,
    /// Other names for the same model.
    pub aliases: Vec<Arc<str>>,
    /// Who serves it. For a wildcard the target's model is what the caller names behind the `/`.
    pub target: Target,
    /// Bounds on the exchange.
    pub timeouts: Timeouts,
    /// What becomes of parts of a request that the target cannot be told.
    pub unsupported: Unsupported,
    /// What is known of it.
    pub facts: Arc<ModelFacts>,
    /// Names that a wildcard is known to serve, for lists.
    pub known: Vec<Arc<str>>,
}

/// A row of the list of models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedModel {
    /// The name to ask for.
    pub name: Arc<str>,
    /// The connection that serves it.
    pub connection: Arc<str>,
    /// What is known of it.
    pub facts: Arc<ModelFacts>,
}

/// A whole connection, opened under a prefix.
#[derive(Debug)]
struct Wildcard {
    /// The pattern without its `*`.
    prefix: Box<str>,
    pattern: Arc<str>,
    connection: Arc<str>,
    timeouts: Timeouts,
    unsupported: Unsupported,
}

/// Finds the target of a name. Made once per configuration, then only read.
#[derive(Debug, Default)]
pub struct RouteTable {
    exact: HashMap<Arc<str>, Arc<Route>>,
    /// The longest prefix first.
    wildcards: Vec<Wildcard>,
    listed: Vec<ListedModel>,
}

impl RouteTable {
    /// Makes the table. Names are unique: the configuration was checked before.
    pub fn new(models: Vec<DeclaredModel>) -> Self {
        let mut table = Self::default();
        for model in models {
            table.add(model);
        }
        table
            .wildcards
            .sort_by_key(|wildcard| std::cmp::Reverse(wildcard.prefix.len()));
        table
    }

    fn add(&mut self, model: DeclaredModel) {
        let connection = Arc::clone(&model.target.connection);
        let list = |name: &Arc<str>| ListedModel {
            name: Arc::clone(name),
            connection: Arc::clone(&connection),
            facts: Arc::clone(&model.facts),
        };
        if let Some(prefix) = model.name.strip_suffix('*') {
            if model.known.is_empty() {
                self.listed.push(list(&model.name));
            }
            self.listed.extend(model.known.iter().map(list));
            self.wildcards.push(Wildcard {
                prefix: prefix.into(),
                pattern: Arc::clone(&model.name),
                connection: Arc::clone(&connection),
                timeouts: model.timeouts,
                unsupported: model.unsupported,
            });
            return;
        }
        let route = Arc::new(Route {
            model: Arc::clone(&model.name),
            label: Arc::clone(&model.name),
            target: model.target,
            timeouts: model.timeouts,
            unsupported: model.unsupported,
        });
        for name in std::iter::once(&model.name).chain(&model.aliases) {
            self.listed.push(list(name));
            self.exact.insert(Arc::clone(name), Arc::clone(&route));
        }
    }

    /// The route of a name, if any model has it.
    pub fn find(&self, name: &str) -> Option<Arc<Route>> {
        if let Some(route) = self.exact.get(name) {
            return Some(Arc::clone(route));
        }
        self.wildcards.iter().find_map(|wildcard| {
            let model = name
                .strip_prefix(&*wildcard.prefix)
                // A star is the list's word for any model, and the name of none.
                .filter(|model| !model.is_empty() && !model.contains('*'))?;
            let connection = Arc::clone(&wildcard.connection);
            Some(Arc::new(Route {
                model: name.into(),
                label: Arc::clone(&wildcard.pattern),
                target: Target {
                    connection,
                    model: model.into(),
                    max_output: None,
                },
                timeouts: wildcard.timeouts,
                unsupported: wildcard.unsupported,
            }))
        })
    }

    /// The row of a name in the list; `None` for names that only a wildcard serves.
    pub fn listed_as(&self, name: &str) -> Option<&ListedModel> {
        self.listed.iter().find(|model| *model.name == *name)
    }

    /// Every name that can be listed, in the order of the configuration.
    pub fn listed(&self) -> &[ListedModel] {
        &self.listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, aliases: &[&str], connection: &str) -> DeclaredModel {
        DeclaredModel {
            name: name.into(),
            aliases: aliases.iter().map(|alias| (*alias).into()).collect(),
            target: Target {
                connection: connection.into(),
                model: "m".into(),
                max_output: None,
            },
            timeouts: Timeouts::default(),
            unsupported: Unsupported::default(),
            facts: Arc::default(),
            known: Vec::new(),
        }
    }

    #[test]
    fn names_aliases_and_wildcards_find_their_target() {
        let table = RouteTable::new(vec![
            model("openai/*", &[], "wide"),
            model("openai/ft/*", &[], "tuned"),
            model("openai/gpt-4o", &["gpt-4o"], "main"),
        ]);
        for (name, found) in [
            ("openai/gpt-4o", Some(("openai/gpt-4o", "main", "m"))),
            ("gpt-4o", Some(("openai/gpt-4o", "main", "m"))),
            ("openai/o3", Some(("openai/o3", "wide", "o3"))),
            ("openai/ft/x/y", Some(("openai/ft/x/y", "tuned", "x/y"))),
            ("openai/", None),
            ("openai/*", None),
            ("openai/ft/*", None),
            ("openai/gpt-*", None),
            ("other", None),
        ] {
            let route = table.find(name);
            let seen = route.as_deref().map(|route| {
                (
                    &*route.model,
                    &*route.target.connection,
                    &*route.target.model,
                )
            });
            assert_eq!(seen, found, "{name}");
        }
    }

    #[test]
    fn aliases_are_listed_beside_names() {
        let table = RouteTable::new(vec![model("a/b", &["b"], "main")]);
        let names: Vec<_> = table.listed().iter().map(|listed| &*listed.name).collect();
        assert_eq!(names, ["a/b", "b"]);
    }
}
