//! State that belongs to a call of a tool. Items of calls have no place for it, but clients give
//! reasoning items back whole: so it travels in one of its own, which names the call.

use crate::state::State;

/// What the token of such a state begins with. No provider's token holds a line end.
const LEAD: &str = "tool_call\n";

/// The state of this call, sealed. `None` for state of an unknown maker, which nobody would take
/// back.
pub(super) fn seal(state: &State, call: &str) -> Option<String> {
    let origin = state.origin.as_deref()?;
    let token = format!("{LEAD}{call}\n{}", state.token);
    Some(State::of(origin, token).seal())
}

/// The call and the state that a sealed state holds, if it belongs to a call.
pub(super) fn open(state: &State) -> Option<(String, State)> {
    let origin = state.origin.as_deref()?;
    let (call, token) = state.token.strip_prefix(LEAD)?.split_once('\n')?;
    Some((call.to_owned(), State::of(origin, token)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_call_comes_back_to_it() {
        let state = State::of("google", "sig/+=");
        let sealed = seal(&state, "call_1").unwrap();
        assert_eq!(
            open(&State::open(&sealed)),
            Some(("call_1".to_owned(), state))
        );
    }

    #[test]
    fn other_state_belongs_to_no_call() {
        for state in [State::of("openai", "gAAA"), State::open("tool_call\nx\ny")] {
            assert_eq!(open(&state), None);
        }
        assert_eq!(seal(&State::open("plain"), "call_1"), None);
    }
}
