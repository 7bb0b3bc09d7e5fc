//! The shape of a row of the fault table.

use super::said::Preset;
use super::{Fault, Scene};
use crate::draft::Draft;

/// One kind of fault that the simulated provider can show.
#[derive(Clone, Copy)]
pub struct FaultRow {
    /// The name that scripts, headers and model names use.
    pub name: &'static str,
    /// What the fault is about; faults of one answer are applied in the order of their groups.
    pub group: Group,
    /// The parameters; the value of the first one may follow the name directly.
    pub parameters: &'static [Parameter],
    /// What a client sees, in one sentence.
    pub does: &'static str,
    pub(crate) effect: Effect,
}

impl FaultRow {
    pub(crate) const fn edit(
        group: Group,
        name: &'static str,
        parameters: &'static [Parameter],
        does: &'static str,
        edit: fn(&mut Draft, &Fault, &Scene),
    ) -> Self {
        Self {
            name,
            group,
            parameters,
            does,
            effect: Effect::Edit(edit),
        }
    }

    /// The parameter of this name, if the row has it.
    pub(crate) fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters
            .iter()
            .find(|parameter| parameter.is_named(name))
    }

    /// Whether the fault happens when a connection is accepted, before any request is known.
    pub(crate) fn is_on_accept(&self) -> bool {
        matches!(self.effect, Effect::OnAccept)
    }
}

/// What a fault is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// An error answer of the provider.
    Error,
    /// A body that is not what its head promises.
    Body,
    /// The token counts.
    Usage,
    /// The events of a stream.
    Event,
    /// The end of the body.
    Ending,
    /// Line ends, splits and marks.
    Writing,
    /// Silence.
    Time,
    /// HTTP and the connection under it.
    Transport,
}

impl Group {
    /// Every group, in the order in which faults are applied.
    pub const ALL: [Self; 8] = [
        Self::Error,
        Self::Body,
        Self::Usage,
        Self::Event,
        Self::Ending,
        Self::Writing,
        Self::Time,
        Self::Transport,
    ];

    /// A heading for the documentation.
    pub fn title(self) -> &'static str {
        match self {
            Self::Error => "Error answers",
            Self::Body => "Odd bodies",
            Self::Usage => "Token counts",
            Self::Event => "Events of a stream",
            Self::Ending => "Endings",
            Self::Writing => "Bytes and lines",
            Self::Time => "Silence",
            Self::Transport => "HTTP and connections",
        }
    }
}

/// One parameter of a fault.
pub struct Parameter {
    /// The name; one that ends in `*` stands for every name that begins so.
    pub name: &'static str,
    /// What may be given.
    pub kind: Kind,
    /// What holds when nothing is given; empty for nothing.
    pub default: &'static str,
    /// What it means.
    pub about: &'static str,
}

impl Parameter {
    pub(crate) const fn number(
        name: &'static str,
        default: &'static str,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            kind: Kind::Number(1_000_000_000),
            default,
            about,
        }
    }

    /// A number of bytes that are held in memory.
    pub(crate) const fn bytes(
        name: &'static str,
        default: &'static str,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            kind: Kind::Number(64 << 20),
            default,
            about,
        }
    }

    pub(crate) const fn text(
        name: &'static str,
        default: &'static str,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            kind: Kind::Text,
            default,
            about,
        }
    }

    /// One of some words; the first is the default.
    pub(crate) const fn word(
        name: &'static str,
        words: &'static [&'static str],
        about: &'static str,
    ) -> Self {
        let default = match words {
            [first, ..] => first,
            [] => "",
        };
        Self {
            name,
            kind: Kind::Word(words),
            default,
            about,
        }
    }

    fn is_named(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(beginning) => name.len() > beginning.len() && name.starts_with(beginning),
            None => name == self.name,
        }
    }
}

/// What a parameter accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number up to this one.
    Number(u64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Any text.
    Text,
}

/// What a row does.
#[derive(Clone, Copy)]
pub(crate) enum Effect {
    /// Answers with this error.
    Error(&'static Preset),
    /// Changes the answer.
    Edit(fn(&mut Draft, &Fault, &Scene)),
    /// Ends a connection that was just accepted.
    OnAccept,
}
