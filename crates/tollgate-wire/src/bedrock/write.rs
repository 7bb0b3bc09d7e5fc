//! Writing Converse out of the neutral form.

mod blocks;
mod media;
mod request;
#[cfg(test)]
mod tests;
mod tools;

pub use request::request;

/// Which rules a model has of its own, beyond what Converse says for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// Anthropic's.
    Claude,
    /// Amazon's newer ones.
    Nova,
    /// All others.
    Other,
}

impl Family {
    fn of(model: &str) -> Self {
        let model = model.to_ascii_lowercase();
        if model.contains("anthropic") || model.contains("claude") {
            Self::Claude
        } else if model.contains("nova") {
            Self::Nova
        } else {
            Self::Other
        }
    }

    /// Whether the prompt can be cached up to a mark. Others refuse the mark.
    const fn caches(self) -> bool {
        match self {
            Self::Claude | Self::Nova => true,
            Self::Other => false,
        }
    }

    /// Whether a result may say that the tool failed.
    const fn knows_failed_tools(self) -> bool {
        match self {
            Self::Claude | Self::Nova => true,
            Self::Other => false,
        }
    }
}
