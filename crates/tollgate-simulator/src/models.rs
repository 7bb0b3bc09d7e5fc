//! The models that there are: those that answer, and one for each fault.

use crate::fault::{Fault, MODEL_PREFIX, faults};

/// The models that answer without faults.
pub const MODELS: [&str; 9] = [
    "echo",
    "story",
    "embed",
    "tools",
    "think",
    "think-redacted",
    "think-tools",
    "see",
    "inspect",
];

/// The names of all models.
pub(crate) fn all() -> Vec<String> {
    let plain = MODELS.iter().map(|name| (*name).to_owned());
    let faulty = faults().iter().filter(|row| !row.is_on_accept());
    let faulty = faulty.map(|row| format!("{MODEL_PREFIX}{}", row.name));
    plain.chain(faulty).collect()
}

/// Whether a model of this name is in the list, or could be.
pub(crate) fn is_known(name: &str) -> bool {
    let is_fault = |text: &str| Fault::parse(text).is_ok();
    MODELS.contains(&name) || name.strip_prefix(MODEL_PREFIX).is_some_and(is_fault)
}
