//! What the calls of one conversation have in common.

use super::fold::Fold;

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Instructions.
    System,
    /// A user.
    User,
    /// A model, a tool, or somebody unknown.
    Other,
}

impl Role {
    /// By the words of `OpenAI`'s and Anthropic's formats.
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "system" | "developer" => Self::System,
            "user" => Self::User,
            _ => Self::Other,
        }
    }
}

/// The beginning of a conversation. Only texts and sources of media count, not what marks them:
/// clients move the marks for caches on from turn to turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thread {
    /// What is being read.
    current: Fold,
    /// Whether what is being read counts.
    is_listening: bool,
    /// What stands beside the messages, wherever in the body that is.
    instructions: Fold,
    /// Messages of instructions before the first one of a user. Later ones belong to their turns.
    early: Fold,
    /// The first message of a user.
    first: Option<Fold>,
    key: Option<u64>,
    /// Whether the beginning is kept at the provider, and this is not it.
    is_continued: bool,
}

const MESSAGE: u64 = 1;
const INSTRUCTIONS: u64 = 2;
const EARLY: u64 = 3;
const WHOLE: u64 = 4;
const KEY: u64 = 5;

impl Thread {
    pub(super) const fn new() -> Self {
        Self {
            current: Fold::new(MESSAGE),
            is_listening: false,
            instructions: Fold::new(INSTRUCTIONS),
            early: Fold::new(EARLY),
            first: None,
            key: None,
            is_continued: false,
        }
    }

    /// Whether the beginning has been read, so that messages no longer matter.
    pub(super) const fn is_known(&self) -> bool {
        self.first.is_some() || self.key.is_some()
    }

    /// Whether what is being read counts.
    pub(super) const fn is_listening(&self) -> bool {
        self.is_listening
    }

    pub(super) fn text(&mut self, text: &str) {
        self.current.text(text);
    }

    /// A message, or what stands beside them, begins.
    pub(super) fn begin(&mut self) {
        self.current = Fold::new(MESSAGE);
        self.is_listening = true;
    }

    /// What was read since the beginning is instructions beside the messages.
    pub(super) fn end_instructions(&mut self) {
        self.is_listening = false;
        self.instructions.number(self.current.finish());
    }

    /// What was read since the beginning is a message.
    pub(super) fn end(&mut self, role: Role) {
        self.is_listening = false;
        match role {
            _ if self.first.is_some() => {}
            Role::System => self.early.number(self.current.finish()),
            Role::User => self.first = Some(self.current),
            Role::Other => {}
        }
    }

    /// The conversation is named.
    pub(super) fn name(&mut self, key: &str) {
        let mut fold = Fold::new(KEY);
        fold.text(key);
        self.key = Some(fold.finish());
    }

    /// The beginning is elsewhere.
    pub(super) fn go_on(&mut self) {
        self.is_continued = true;
    }

    pub(super) fn finish(self) -> Option<u64> {
        self.key.or_else(|| {
            let first = self.first.filter(|_| !self.is_continued)?;
            let mut whole = Fold::new(WHOLE);
            for part in [self.instructions, self.early, first] {
                whole.number(part.finish());
            }
            Some(whole.finish())
        })
    }
}
