//! The generations of Gemini's models, by their names: each newer one takes what the older ones
//! refuse.

/// What is known of a model by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Family {
    /// The generation, as in `gemini-2.5-flash`; `None` for names that do not say.
    version: Option<(u32, u32)>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Pro,
    Flash,
    FlashLite,
    Other,
}

/// How a model is told how much to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    /// It does not think.
    No,
    /// By a number of tokens between these; zero for not at all only if `off`.
    Budget {
        /// The least that is not nothing.
        least: u64,
        /// The most.
        most: u64,
        /// Whether it can be told not to.
        off: bool,
    },
    /// By a level.
    Level {
        /// Whether there is one below `LOW`.
        minimal: bool,
        /// Whether there is one between `LOW` and `HIGH`.
        medium: bool,
    },
}

impl Family {
    /// The family of a model, however its name is prefixed.
    pub(super) fn of(model: &str) -> Self {
        let model = model.to_ascii_lowercase();
        let name = model.rsplit_once("gemini-").map(|(_, name)| name);
        let kind = match name {
            Some(name) if name.contains("flash-lite") => Kind::FlashLite,
            Some(name) if name.contains("flash") => Kind::Flash,
            Some(name) if name.contains("pro") => Kind::Pro,
            Some(_) | None => Kind::Other,
        };
        Self {
            version: name.and_then(version),
            kind,
        }
    }

    /// Whether the model is of the third generation or a later one: it checks the signatures of
    /// calls, matches calls by their ids, takes media in the results of tools, and writes JSON
    /// beside calling tools.
    pub(super) fn is_third(self) -> bool {
        self.version.is_some_and(|(major, _)| major >= 3)
    }

    /// How it is told how much to think. Names that do not say the generation are taken for ones
    /// that count tokens: later generations still understand that, earlier ones nothing else.
    pub(super) fn thinking(self) -> Thinking {
        let budget = |least, most, off| Thinking::Budget { least, most, off };
        match (self.version, self.kind) {
            (Some((major, minor)), kind) if major >= 3 => Thinking::Level {
                minimal: kind != Kind::Pro,
                medium: kind != Kind::Pro || (major, minor) >= (3, 1),
            },
            (Some((major, minor)), _) if (major, minor) < (2, 5) => Thinking::No,
            (_, Kind::Pro) => budget(128, 32_768, false),
            (_, Kind::Flash | Kind::Other) => budget(1, 24_576, true),
            (_, Kind::FlashLite) => budget(512, 24_576, true),
        }
    }
}

/// The number that a name begins with, as `2.5` or `3`.
fn version(name: &str) -> Option<(u32, u32)> {
    let number = name.split(['-', '@']).next()?;
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_how_a_model_is_told_to_think() {
        let level = |minimal, medium| Thinking::Level { minimal, medium };
        let budget = |least, most, off| Thinking::Budget { least, most, off };
        for (name, third, want) in [
            ("gemini-3-pro-preview", true, level(false, false)),
            ("gemini-3.1-pro-preview", true, level(false, true)),
            ("models/gemini-3-flash", true, level(true, true)),
            ("google/gemini-3.5-flash-lite", true, level(true, true)),
            ("gemini-2.5-pro", false, budget(128, 32_768, false)),
            ("gemini-2.5-flash@001", false, budget(1, 24_576, true)),
            ("gemini-2.5-flash-lite", false, budget(512, 24_576, true)),
            ("gemini-2.0-flash", false, Thinking::No),
            ("gemini-1.5-pro-002", false, Thinking::No),
            ("gemini-flash-latest", false, budget(1, 24_576, true)),
            ("4611686018427387904", false, budget(1, 24_576, true)),
        ] {
            let family = Family::of(name);
            assert_eq!(
                (family.is_third(), family.thinking()),
                (third, want),
                "{name}"
            );
        }
    }
}
