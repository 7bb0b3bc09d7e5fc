//! Reading Converse into the neutral form.

mod answer;
mod stream;
#[cfg(test)]
mod tests;

pub use answer::answer;
pub use stream::stream;

/// The id of a call; one of our own if the provider gives none.
fn call_id(id: &str, block: usize) -> String {
    if id.is_empty() {
        format!("tooluse_{block}")
    } else {
        id.to_owned()
    }
}
