//! Google's `generateContent`, as Gemini and Vertex speak it.

mod array;
mod calls;
mod chunk;
mod family;
mod finish;
#[cfg(test)]
mod fixtures;
pub(crate) mod insight;
mod media;
pub mod parse;
pub mod relay;
pub mod request;
mod schema;
pub(crate) mod signature;
mod usage;
pub mod write;

/// The word that stands for a signature where this model demands one; `None` where it does not.
pub(crate) fn stand_in(model: &str) -> Option<&'static str> {
    family::Family::of(model)
        .is_third()
        .then_some(signature::PLACEHOLDER)
}
