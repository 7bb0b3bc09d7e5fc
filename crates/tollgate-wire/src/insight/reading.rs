//! What has been read of a body so far, and how its commonest parts are read.

use tollgate_core::route::condition::{Abilities, Ability};

use super::thread::{Role, Thread};
use super::walk::{flag, items, members, string};
use super::{Insight, Want};
use crate::counts;
use crate::json::{self, Count, Kind, Problem, Scanner, Text};

/// The longest name of a user, in bytes. Longer ones are no names.
const LONGEST_USER: usize = 1024;
/// How Claude Code begins a line of its instructions that is another one in every request.
const CHANGING: &str = "x-anthropic-billing-header:";

/// A body that is being read. What nobody wants is passed over as fast as that goes.
pub(crate) struct Reading {
    want: Want,
    needs: Abilities,
    tokens: u64,
    user: Option<Box<str>>,
    thread: Thread,
}

impl Reading {
    pub(super) const fn new(want: Want) -> Self {
        Self {
            want,
            needs: Abilities::NONE,
            tokens: 0,
            user: None,
            thread: Thread::new(),
        }
    }

    pub(super) fn into_insight(self) -> Insight {
        let Want {
            tokens,
            conversation,
            ..
        } = self.want;
        Insight {
            needs: self.needs,
            tokens: tokens.then_some(self.tokens.max(1)),
            user: self.user,
            conversation: self.thread.finish().filter(|_| conversation),
        }
    }

    /// Whether messages still belong to what the conversation is known by.
    fn follows(&self) -> bool {
        self.want.conversation && !self.thread.is_known()
    }

    pub(crate) fn need(&mut self, ability: Ability) {
        if self.want.needs {
            self.needs = self.needs.with(ability);
        }
    }

    /// Reads messages, one by one.
    pub(crate) fn messages<'a>(
        &mut self,
        scanner: &mut Scanner<'a>,
        mut each: impl FnMut(&mut Self, &mut Scanner<'a>) -> Result<Role, Problem>,
    ) -> Result<(), Problem> {
        items(scanner, |scanner| {
            if self.follows() {
                self.thread.begin();
                let role = each(self, scanner)?;
                self.thread.end(role);
                Ok(())
            } else if self.want.needs || self.want.tokens {
                each(self, scanner).map(drop)
            } else {
                scanner.skip()
            }
        })
    }

    /// Reads one message that is the whole prompt.
    pub(crate) fn message<'a>(
        &mut self,
        scanner: &mut Scanner<'a>,
        each: impl FnOnce(&mut Self, &mut Scanner<'a>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        if self.follows() {
            self.thread.begin();
        }
        each(self, scanner)?;
        self.thread.end(Role::User);
        Ok(())
    }

    /// Reads instructions that stand beside the messages.
    pub(crate) fn instructions<'a>(
        &mut self,
        scanner: &mut Scanner<'a>,
        each: impl FnOnce(&mut Self, &mut Scanner<'a>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        // They may come behind the messages, when the first one is known already.
        if self.want.conversation {
            self.thread.begin();
        }
        each(self, scanner)?;
        self.thread.end_instructions();
        Ok(())
    }

    /// Counts a part of a prompt.
    pub(crate) fn part(&mut self) {
        self.tokens += counts::PART;
    }

    /// Takes a text of the prompt.
    pub(crate) fn text(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        if !(self.want.tokens || self.thread.is_listening()) {
            return scanner.skip();
        }
        let Some(text) = string(scanner)? else {
            return Ok(());
        };
        if self.want.tokens {
            self.tokens += counts::of_text(text.length());
        }
        self.hear(text);
        Ok(())
    }

    /// Takes what tells a part from another one, but is no text of the prompt.
    pub(crate) fn mark(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        if !self.thread.is_listening() {
            return scanner.skip();
        }
        if let Some(text) = string(scanner)? {
            self.hear(text);
        }
        Ok(())
    }

    /// Notes a text as it is written: whoever asks writes it the same way in every request.
    pub(crate) fn hear(&mut self, text: Text<'_>) {
        if !self.thread.is_listening() {
            return;
        }
        let text = text.raw();
        let rest = text.strip_prefix(CHANGING).map(|rest| {
            let (_, behind) = rest.split_once("\\n").unwrap_or_default();
            behind
        });
        self.thread.text(rest.unwrap_or(text));
    }

    /// Takes a value whose JSON is part of the prompt, such as the arguments of a call.
    pub(crate) fn json(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        scanner.kind()?;
        let begin = scanner.position();
        scanner.skip()?;
        self.tokens += counts::of_text(scanner.since(begin).len());
        Ok(())
    }

    /// Notes media.
    pub(crate) fn media(&mut self, ability: Ability) {
        self.need(ability);
        self.tokens += counts::PICTURE;
    }

    /// Counts so many bytes of text.
    pub(crate) fn bytes(&mut self, bytes: usize) {
        self.tokens += counts::of_text(bytes);
    }

    /// Takes a source of media that is a string, or an object with strings; `null` is none.
    pub(crate) fn source(
        &mut self,
        scanner: &mut Scanner<'_>,
        ability: Ability,
    ) -> Result<(), Problem> {
        if scanner.kind()? == Kind::Null {
            return scanner.skip();
        }
        self.media(ability);
        if scanner.kind()? == Kind::Object {
            members(scanner, |_, scanner| self.mark(scanner))
        } else {
            self.mark(scanner)
        }
    }

    /// Takes a prompt without roles: texts, or tokens, or several of these.
    pub(crate) fn prompt(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        if !self.want.tokens {
            return scanner.skip();
        }
        match scanner.kind()? {
            Kind::String => {
                self.part();
                self.tokens += counts::of_text(scanner.string()?.length());
                Ok(())
            }
            Kind::Number => {
                self.tokens += 1;
                scanner.skip()
            }
            Kind::Array => items(scanner, |scanner| self.prompt(scanner)),
            Kind::Object | Kind::Bool | Kind::Null => scanner.skip(),
        }
    }

    /// Takes the declarations of tools.
    pub(crate) fn tools(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        if !(self.want.needs || self.want.tokens) {
            return scanner.skip();
        }
        items(scanner, |scanner| {
            self.need(Ability::Tools);
            self.tokens += counts::TOOL;
            self.json(scanner)
        })
    }

    /// Takes the form of the answer.
    pub(crate) fn form(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        members(scanner, |name, scanner| {
            if name != b"type" {
                return scanner.skip();
            }
            if string(scanner)?.is_some_and(|kind| kind.is("json_schema")) {
                self.need(Ability::Schema);
            }
            Ok(())
        })
    }

    /// Takes how hard the model is to think, in a word.
    pub(crate) fn effort(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        if string(scanner)?.is_some_and(|effort| !effort.is_empty() && !effort.is("none")) {
            self.need(Ability::Reasoning);
        }
        Ok(())
    }

    /// Takes how hard the model is to think, as `OpenAI`'s responses and `OpenRouter` have it.
    pub(crate) fn reasoning(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        members(scanner, |name, scanner| match name {
            b"effort" => self.effort(scanner),
            b"max_tokens" => self.budget(scanner),
            b"enabled" => {
                if flag(scanner)? {
                    self.need(Ability::Reasoning);
                }
                Ok(())
            }
            _ => scanner.skip(),
        })
    }

    /// Takes whether the model is to think, as Anthropic has it.
    pub(crate) fn thinking(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        members(scanner, |name, scanner| {
            if name != b"type" {
                return scanner.skip();
            }
            let kind = string(scanner)?;
            if kind.is_some_and(|kind| kind.is("enabled") || kind.is("adaptive")) {
                self.need(Ability::Reasoning);
            }
            Ok(())
        })
    }

    /// Takes the most tokens of thought; none of them is no wish to think.
    pub(crate) fn budget(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        if scanner.kind()? != Kind::Number {
            return scanner.skip();
        }
        if json::count(scanner.number()?) != Count::Whole(0) {
            self.need(Ability::Reasoning);
        }
        Ok(())
    }

    /// Takes the user, unless a better name is known.
    pub(crate) fn user(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        let user = self.name_of_user(scanner)?;
        self.user = self.user.take().or(user);
        Ok(())
    }

    /// Takes the user, in the member that is there for nothing else.
    pub(crate) fn safety_identifier(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        let user = self.name_of_user(scanner)?;
        self.user = user.or(self.user.take());
        Ok(())
    }

    fn name_of_user(&self, scanner: &mut Scanner<'_>) -> Result<Option<Box<str>>, Problem> {
        let user = string(scanner)?.filter(|user| {
            let length = user.raw().len();
            self.want.user && (1..=LONGEST_USER).contains(&length)
        });
        Ok(user.and_then(|user| Some(user.decode()?.into())))
    }

    /// Takes the name of the conversation.
    pub(crate) fn key(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        if let Some(key) = string(scanner)?.filter(|key| !key.is_empty())
            && self.want.conversation
        {
            self.thread.name(key.raw());
        }
        Ok(())
    }

    /// Takes the name of an answer at the provider that this call goes on from.
    pub(crate) fn previous(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Problem> {
        if string(scanner)?.is_some() {
            self.thread.go_on();
        }
        Ok(())
    }
}
