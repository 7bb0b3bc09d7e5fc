//! State that belongs to a call. Anthropic's calls have no place for it, but its callers give back
//! every block as it was: a block of hidden thought before the call carries it, sealed.

use serde_json::{Value, json};

use crate::state::{State, is_sealed};

/// What tells it from a hidden thought. Readers of sealed state pass over padding, and sealing
/// makes none.
const MARK: char = '=';

/// The block that carries the state of the call behind it.
pub(super) fn block(state: &State) -> Value {
    json!({"type": "redacted_thinking", "data": data(state)})
}

/// The data of that block.
fn data(state: &State) -> String {
    let mut data = state.seal();
    data.push(MARK);
    data
}

/// The state of a call, if the data of a hidden thought is some.
pub(crate) fn opened(data: &str) -> Option<State> {
    let sealed = data.strip_suffix(MARK).filter(|data| is_sealed(data))?;
    let state = State::open(sealed);
    state.origin.is_some().then_some(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_call_is_told_from_a_hidden_thought() {
        let state = State::of("google", "signature");
        assert_eq!(opened(&data(&state)), Some(state.clone()));
        assert_eq!(opened(&state.seal()), None);
        assert_eq!(opened("EqQBown="), None);
        // Who looks for sealed state only still finds its maker.
        assert_eq!(State::open(&data(&state)), state);
    }
}
