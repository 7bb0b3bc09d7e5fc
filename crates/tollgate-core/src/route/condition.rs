//! Which requests a target is there for: declared rules over what is known of a request.

use std::sync::Arc;

/// Something that a model must be able to do for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ability {
    /// Looks at pictures.
    Vision,
    /// Calls tools.
    Tools,
    /// Takes files, such as PDF documents.
    Files,
    /// Hears sound.
    Audio,
    /// Answers after a schema (structured outputs).
    Schema,
    /// Thinks before it answers, where the caller asks for that.
    Reasoning,
}

impl Ability {
    /// Every ability.
    pub const ALL: &'static [Self] = &[
        Self::Vision,
        Self::Tools,
        Self::Files,
        Self::Audio,
        Self::Schema,
        Self::Reasoning,
    ];

    /// The word for settings and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vision => "vision",
            Self::Tools => "tools",
            Self::Files => "files",
            Self::Audio => "audio",
            Self::Schema => "schema",
            Self::Reasoning => "reasoning",
        }
    }
}

/// A set of abilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities(u8);

impl Abilities {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// With this one added.
    #[must_use]
    pub const fn with(self, ability: Ability) -> Self {
        Self(self.0 | 1 << ability as u8)
    }

    /// Whether this one is among them.
    pub const fn has(self, ability: Ability) -> bool {
        self.0 & (1 << ability as u8) != 0
    }

    /// Those of `needed` that are missing here, in order.
    pub fn missing(self, needed: Self) -> impl Iterator<Item = Ability> {
        Ability::ALL
            .iter()
            .copied()
            .filter(move |ability| needed.has(*ability) && !self.has(*ability))
    }
}

/// What is known of a request before it is sent anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// About how many tokens its prompt has.
    pub prompt_tokens: u64,
    /// The most tokens that its answer may have, if it says so.
    pub max_output: Option<u64>,
    /// What a model must be able to do for it.
    pub needs: Abilities,
    /// The tags that it carries.
    pub tags: Vec<Box<str>>,
    /// The user on whose behalf it is sent, if it names one.
    pub user: Option<Box<str>>,
    /// The name of the key that sends it.
    pub key: Option<Box<str>>,
}

/// The requests that a target takes: all members that are set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// It carries one of these tags.
    pub tags: Vec<Arc<str>>,
    /// It is sent on behalf of one of these users.
    pub users: Vec<Arc<str>>,
    /// It is sent with a key of one of these names.
    pub keys: Vec<Arc<str>>,
    /// Its prompt has at least about this many tokens.
    pub prompt_tokens_from: Option<u64>,
    /// Its prompt has at most about this many tokens.
    pub prompt_tokens_to: Option<u64>,
    /// It needs all of these.
    pub needs: Abilities,
}

/// Why a target does not take a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// A declared rule does not hold; which one, in the configuration's word.
    Rule(&'static str),
    /// The model cannot do what the request needs.
    Lacks(Ability),
    /// The prompt is surely longer than the model's window.
    TooLong,
}

/// What a target can do, as far as that is declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fitness {
    /// The requests that it is there for.
    pub when: When,
    /// What the model can do; `None` where nothing is declared and everything is tried.
    pub abilities: Option<Abilities>,
    /// How many tokens prompt and answer may have together.
    pub context_window: Option<u64>,
}

impl When {
    /// The first rule that does not hold, in the configuration's word.
    fn broken(&self, asked: &Asked) -> Option<&'static str> {
        let carries = |tag: &Arc<str>| asked.tags.iter().any(|own| **own == **tag);
        let tokens = asked.prompt_tokens;
        if !self.tags.is_empty() && !self.tags.iter().any(carries) {
            Some("tags")
        } else if !is_among(asked.user.as_deref(), &self.users) {
            Some("users")
        } else if !is_among(asked.key.as_deref(), &self.keys) {
            Some("keys")
        } else if self.prompt_tokens_from.is_some_and(|from| tokens < from) {
            Some("prompt_tokens_from")
        } else if self.prompt_tokens_to.is_some_and(|to| tokens > to) {
            Some("prompt_tokens_to")
        } else if asked.needs.missing(self.needs).next().is_some() {
            Some("needs")
        } else {
            None
        }
    }
}

/// Whether a name is one of those that are taken; none of them: all are.
fn is_among(name: Option<&str>, taken: &[Arc<str>]) -> bool {
    taken.is_empty() || name.is_some_and(|name| taken.iter().any(|one| **one == *name))
}

impl Fitness {
    /// Whether a request may go there.
    pub fn check(&self, asked: &Asked) -> Result<(), Unfit> {
        if let Some(rule) = self.when.broken(asked) {
            return Err(Unfit::Rule(rule));
        }
        if let Some(declared) = self.abilities
            && let Some(ability) = declared.missing(asked.needs).next()
        {
            return Err(Unfit::Lacks(ability));
        }
        // Half of the estimate, because it is one: what may fit is the provider's to judge.
        let surely = asked.prompt_tokens / 2;
        if self.context_window.is_some_and(|window| surely > window) {
            return Err(Unfit::TooLong);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
