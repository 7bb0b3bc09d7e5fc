//! What a model takes, told by its name: Anthropic changes the rules with the version.

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Abilities {
    pub(crate) thinking: Thinking,
    pub(crate) sampling: Sampling,
    /// Whether answers can be bound to a JSON schema.
    pub(crate) schemas: bool,
    /// Whether it thinks even if nobody asks, and refuses to be told not to.
    pub(crate) always_thinks: bool,
}

/// How thinking is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thinking {
    /// It cannot think.
    None,
    /// With a budget of tokens.
    Budget,
    /// With a budget, or as the model likes.
    Either,
    /// As the model likes, guided by an effort. A budget is refused.
    Adaptive,
}

/// How sampling may be steered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sampling {
    /// By everything there is.
    All,
    /// By the temperature or by the nucleus, not by both.
    OneOfTwo,
    /// Not at all.
    None,
}

/// Major and minor version.
type Version = (u32, u32);

/// The first versions that think, that take one of temperature and nucleus only and schemas, that
/// think adaptively, and the first that refuse budgets and sampling.
const THINKS: Version = (3, 7);
const ONE_OF_TWO: Version = (4, 1);
const ADAPTIVE: Version = (4, 6);
const ADAPTIVE_ONLY: Version = (4, 7);
const ALWAYS: Version = (5, 0);

impl Abilities {
    /// Models of others that are served in Anthropic's format take what its older models take.
    const FOREIGN: Self = Self {
        thinking: Thinking::Budget,
        sampling: Sampling::All,
        schemas: true,
        always_thinks: false,
    };

    /// What the model of this name takes. A name without a version is taken for a new model: the
    /// rules of the new ones leave more out, and nothing that is left out is refused.
    pub(crate) fn of(model: &str) -> Self {
        let name = model.to_ascii_lowercase();
        let Some((_, tail)) = name.split_once("claude") else {
            return Self::FOREIGN;
        };
        let version = version(tail).unwrap_or(ADAPTIVE_ONLY);
        let thinking = match version {
            version if version < THINKS => Thinking::None,
            version if version < ADAPTIVE => Thinking::Budget,
            version if version < ADAPTIVE_ONLY => Thinking::Either,
            _ => Thinking::Adaptive,
        };
        let sampling = match version {
            version if version < ONE_OF_TWO => Sampling::All,
            version if version < ADAPTIVE_ONLY => Sampling::OneOfTwo,
            _ => Sampling::None,
        };
        Self {
            thinking,
            sampling,
            schemas: version >= ONE_OF_TWO,
            always_thinks: version >= ALWAYS || tail.contains("mythos"),
        }
    }
}

/// The version in a name: `-3-7-sonnet-20250219`, `-opus-4-6-v1:0`, `-sonnet-4@20250514`. Numbers
/// of more than two digits are dates.
fn version(name: &str) -> Option<Version> {
    let number = |token: &str| {
        let is_number = token.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && token.len() <= 2).then(|| token.parse().ok())?
    };
    let mut tokens = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    let major = tokens.by_ref().find_map(number)?;
    let minor = tokens.next().and_then(number).unwrap_or_default();
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_model_tells_what_it_takes() {
        use Thinking::{Adaptive, Budget, Either};
        for (model, thinking, sampling) in [
            ("claude-3-opus-20240229", Thinking::None, Sampling::All),
            ("anthropic.claude-v2:1", Thinking::None, Sampling::All),
            ("claude-3-7-sonnet-20250219", Budget, Sampling::All),
            ("claude-sonnet-4@20250514", Budget, Sampling::All),
            ("claude-opus-4-1-20250805", Budget, Sampling::OneOfTwo),
            (
                "us.anthropic.claude-haiku-4-5-20251001-v1:0",
                Budget,
                Sampling::OneOfTwo,
            ),
            ("claude-opus-4-6", Either, Sampling::OneOfTwo),
            ("anthropic.claude-opus-4-6-v1", Either, Sampling::OneOfTwo),
            ("claude-opus-4-7", Adaptive, Sampling::None),
            ("claude-sonnet-5", Adaptive, Sampling::None),
            ("Claude-Fable-5-1", Adaptive, Sampling::None),
            ("claude-mythos-preview", Adaptive, Sampling::None),
            ("kimi-k2", Budget, Sampling::All),
        ] {
            let abilities = Abilities::of(model);
            assert_eq!(
                (abilities.thinking, abilities.sampling),
                (thinking, sampling),
                "{model}"
            );
        }
        assert!(Abilities::of("claude-mythos-preview").always_thinks);
        assert!(!Abilities::of("claude-opus-4-7").always_thinks);
        assert!(!Abilities::of("claude-3-5-sonnet-20241022").schemas);
    }
}
