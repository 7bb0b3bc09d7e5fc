//! The reasons for which a model stops, in Anthropic's words.

use tollgate_core::reply::Finish;

use crate::neutral::Ending;

/// What a `stop_reason` means.
pub(super) fn finish(word: &str) -> Finish {
    match word {
        "end_turn" | "stop_sequence" => Finish::Stop,
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "tool_use" => Finish::ToolCalls,
        "refusal" => Finish::ContentFilter,
        _ => Finish::Other,
    }
}

/// What an answer holds that its `stop_reason` has to fit: clients go by the one alone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Holds {
    pub(super) calls: bool,
    pub(super) refusal: bool,
}

/// The `stop_reason` of an answer.
pub(super) fn stop_reason(ending: &Ending, holds: Holds) -> &'static str {
    match ending.finish {
        Finish::Stop if holds.refusal => "refusal",
        Finish::Stop if holds.calls => "tool_use",
        Finish::Stop if ending.stop_sequence.is_some() => "stop_sequence",
        // A pause asks the client to go on, which only the model that paused can.
        Finish::Stop | Finish::Other => "end_turn",
        Finish::Length => "max_tokens",
        Finish::ToolCalls => "tool_use",
        Finish::ContentFilter => "refusal",
    }
}

/// The id of an answer: the provider's if it is of the right form.
pub(super) fn message_id(id: Option<&str>, request_id: &str) -> String {
    match id {
        Some(id) if id.starts_with("msg_") => id.to_owned(),
        Some(_) | None => format!("msg_{request_id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_in_both_ways() {
        for (word, want) in [
            ("end_turn", "end_turn"),
            ("max_tokens", "max_tokens"),
            ("tool_use", "tool_use"),
            ("refusal", "refusal"),
            ("model_context_window_exceeded", "max_tokens"),
            ("pause_turn", "end_turn"),
            ("news", "end_turn"),
        ] {
            let ending = Ending::new(finish(word));
            assert_eq!(stop_reason(&ending, Holds::default()), want);
        }
        let stopped = Ending {
            finish: finish("stop_sequence"),
            stop_sequence: Some("x".to_owned()),
        };
        assert_eq!(stop_reason(&stopped, Holds::default()), "stop_sequence");
        let calls = Holds {
            calls: true,
            refusal: false,
        };
        assert_eq!(stop_reason(&Ending::new(Finish::Stop), calls), "tool_use");
        assert_eq!(
            stop_reason(&Ending::new(Finish::Length), calls),
            "max_tokens"
        );
    }
}
