//! The ways in which an exchange with a provider breaks, told apart exactly: what the caller
//! hears, what metrics count, and whether the provider may have seen the request.

use std::error::Error;
use std::io;

use tollgate_core::error::dialect::display_name;
use tollgate_core::error::{Code, Failure};

use crate::provider::Provider;

/// How an exchange broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The name of the host did not resolve.
    Dns,
    /// Nothing listens there.
    Refused,
    /// The network has no way there, or broke while the connection was made.
    Unreachable,
    /// The connection did not stand in the time allowed.
    ConnectTimeout,
    /// The encrypted connection could not be made: certificate, name or protocol.
    Tls,
    /// The connection was reset after the request began to be sent, before an answer.
    ResetBeforeAnswer,
    /// The connection was closed after the request began to be sent, before an answer.
    ClosedBeforeAnswer,
    /// What came was not HTTP.
    NotHttp,
    /// No whole answer to a plain call in the time allowed.
    AnswerTimeout,
    /// No content of a stream in the time allowed.
    FirstByteTimeout,
    /// The time for the whole request was over.
    Deadline,
    /// The connection was reset in the middle of the answer.
    ResetInAnswer,
    /// The connection was closed in the middle of the answer.
    ClosedInAnswer,
    /// A stream fell silent for longer than allowed.
    Stalled,
    /// A stream ended without the mark that says that it is whole.
    NoTerminator,
    /// The answer is not what was asked for: HTML, broken JSON, a wrong encoding.
    Invalid,
}

/// How far the answer had come for the caller when an exchange broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing has been given to the caller.
    Before,
    /// Content of a stream has been given to the caller.
    Begun,
}

impl Fault {
    /// Every fault.
    pub const ALL: &'static [Self] = &[
        Self::Dns,
        Self::Refused,
        Self::Unreachable,
        Self::ConnectTimeout,
        Self::Tls,
        Self::ResetBeforeAnswer,
        Self::ClosedBeforeAnswer,
        Self::NotHttp,
        Self::AnswerTimeout,
        Self::FirstByteTimeout,
        Self::Deadline,
        Self::ResetInAnswer,
        Self::ClosedInAnswer,
        Self::Stalled,
        Self::NoTerminator,
        Self::Invalid,
    ];

    /// The word for metrics and the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls => "tls",
            Self::ResetBeforeAnswer => "reset_before_answer",
            Self::ClosedBeforeAnswer => "closed_before_answer",
            Self::NotHttp => "not_http",
            Self::AnswerTimeout => "answer_timeout",
            Self::FirstByteTimeout => "first_byte_timeout",
            Self::Deadline => "deadline",
            Self::ResetInAnswer => "reset_in_answer",
            Self::ClosedInAnswer => "closed_in_answer",
            Self::Stalled => "stalled",
            Self::NoTerminator => "no_terminator",
            Self::Invalid => "invalid",
        }
    }

    /// Whether the provider surely never got the request. What broke later may have been
    /// worked on, and may be charged for.
    pub const fn is_unsent(self) -> bool {
        matches!(
            self,
            Self::Dns | Self::Refused | Self::Unreachable | Self::ConnectTimeout | Self::Tls
        )
    }

    /// The code that the caller meets. Within a stream a cut or a stall is
    /// `stream_interrupted`; what has a better name keeps it, also there: a malformed event is an
    /// invalid answer, and running out of the whole request's time is a timeout.
    pub(crate) const fn code(self, stage: Stage) -> Code {
        match (self, stage) {
            (
                Self::Dns
                | Self::Refused
                | Self::Unreachable
                | Self::ConnectTimeout
                | Self::Tls
                | Self::ResetBeforeAnswer
                | Self::ClosedBeforeAnswer,
                _,
            ) => Code::ProviderUnreachable,
            (
                Self::ResetInAnswer | Self::ClosedInAnswer | Self::Stalled | Self::NoTerminator,
                Stage::Begun,
            ) => Code::StreamInterrupted,
            (Self::AnswerTimeout | Self::FirstByteTimeout | Self::Deadline | Self::Stalled, _) => {
                Code::ProviderTimeout
            }
            (
                Self::NotHttp
                | Self::ResetInAnswer
                | Self::ClosedInAnswer
                | Self::NoTerminator
                | Self::Invalid,
                _,
            ) => Code::ProviderInvalidResponse,
        }
    }

    /// What the caller reads: what happened, without a host or an address.
    const fn sentence(self) -> &'static str {
        match self {
            Self::Dns => "The provider could not be reached: its name did not resolve.",
            Self::Refused => "The provider could not be reached: it refused the connection.",
            Self::Unreachable => "The provider could not be reached over the network.",
            Self::ConnectTimeout => {
                "The provider could not be reached: the connection took longer than allowed."
            }
            Self::Tls => "The provider could not be reached: no encrypted connection was made.",
            Self::ResetBeforeAnswer => "The provider reset the connection before it answered.",
            Self::ClosedBeforeAnswer => "The provider closed the connection before it answered.",
            Self::NotHttp => "The provider did not answer in HTTP.",
            Self::AnswerTimeout => "The provider did not answer within the time allowed.",
            Self::FirstByteTimeout => {
                "The provider's stream did not begin within the time allowed."
            }
            Self::Deadline => "The time allowed for the whole request was over before its end.",
            Self::ResetInAnswer => "The provider reset the connection in the middle of its answer.",
            Self::ClosedInAnswer => {
                "The provider closed the connection in the middle of its answer."
            }
            Self::Stalled => "The provider's stream fell silent for longer than allowed.",
            Self::NoTerminator => "The provider's stream ended without saying that it is complete.",
            Self::Invalid => "The provider's answer is not what was asked for.",
        }
    }

    /// What the caller can do.
    const fn advice(self) -> &'static str {
        match self {
            Self::Dns | Self::Refused | Self::Unreachable | Self::Tls | Self::NotHttp => {
                "Ask again; if it goes on, an operator has to check the connection's address."
            }
            Self::ConnectTimeout | Self::ResetBeforeAnswer | Self::ClosedBeforeAnswer => {
                "Ask again."
            }
            Self::AnswerTimeout => "Ask again, for less or as a stream.",
            Self::FirstByteTimeout | Self::Deadline => "Ask again, for less.",
            Self::ResetInAnswer | Self::ClosedInAnswer | Self::Stalled | Self::NoTerminator => {
                "What came is not the whole answer; ask again."
            }
            Self::Invalid => "Ask again; if it goes on, an operator has to check the connection.",
        }
    }
}

/// A sentence about the provider, with its name.
fn naming(sentence: &str, provider: &str) -> String {
    match sentence.strip_prefix("The provider") {
        Some(rest) => format!("{}{rest}", display_name(provider)),
        None => sentence.to_owned(),
    }
}

/// A fault with what is known of it.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) fault: Fault,
    /// For the caller, where it can be said more exactly than the fault does.
    pub(crate) sentence: Option<String>,
    /// For the log.
    pub(crate) cause: Option<Box<dyn Error + Send + Sync>>,
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            sentence: None,
            cause: None,
        }
    }
}

impl Broken {
    /// A fault with its cause.
    pub(crate) fn because(fault: Fault, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            fault,
            sentence: None,
            cause: Some(cause.into()),
        }
    }

    /// An answer that is not what was asked for; the sentence says why.
    pub(crate) fn invalid(sentence: impl Into<String>) -> Self {
        Self {
            fault: Fault::Invalid,
            sentence: Some(sentence.into()),
            cause: None,
        }
    }

    /// A connection that could not be made.
    pub(crate) fn connecting(problem: io::Error) -> Self {
        let fault = match problem.kind() {
            io::ErrorKind::ConnectionRefused => Fault::Refused,
            io::ErrorKind::TimedOut => Fault::ConnectTimeout,
            _ => Fault::Unreachable,
        };
        Self::because(fault, problem)
    }

    /// An exchange that broke before the head of the answer was there.
    pub(crate) fn before_answer(problem: hyper::Error) -> Self {
        let fault = if problem.is_parse() || problem.is_parse_too_large() {
            Fault::NotHttp
        } else if is_reset(&problem) {
            Fault::ResetBeforeAnswer
        } else {
            Fault::ClosedBeforeAnswer
        };
        Self::because(fault, problem)
    }

    /// An exchange that broke in the body of the answer.
    pub(crate) fn in_answer(problem: hyper::Error) -> Self {
        let fault = if is_reset(&problem) {
            Fault::ResetInAnswer
        } else {
            Fault::ClosedInAnswer
        };
        Self::because(fault, problem)
    }

    /// The failure that the caller meets.
    pub(crate) fn failure(self, provider: &Provider, stage: Stage) -> Failure {
        let Self {
            fault,
            sentence,
            cause,
        } = self;
        let sentence = naming(
            sentence.as_deref().unwrap_or(fault.sentence()),
            provider.name,
        );
        let sentence = format!("{sentence} {}", fault.advice());
        let mut failure = Failure::provider(fault.code(stage), provider.name).message(sentence);
        failure.exchange = Some(fault.as_str());
        failure.unsent = fault.is_unsent();
        failure.cause = Some(cause.unwrap_or_else(|| fault.sentence().into()));
        failure
    }
}

/// Whether the connection was torn down rather than closed in order.
fn is_reset(problem: &hyper::Error) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(problem);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return matches!(
                io.kind(),
                io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
            );
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::find;

    #[test]
    fn every_fault_has_a_word_of_its_own() {
        for fault in Fault::ALL {
            let same = Fault::ALL
                .iter()
                .filter(|other| other.as_str() == fault.as_str());
            assert_eq!(same.count(), 1, "{fault:?}");
        }
    }

    #[test]
    fn only_what_broke_before_the_connection_stood_is_surely_unsent() {
        let unsent: Vec<_> = Fault::ALL
            .iter()
            .filter(|fault| fault.is_unsent())
            .map(|fault| fault.as_str())
            .collect();
        assert_eq!(
            unsent,
            ["dns", "refused", "unreachable", "connect_timeout", "tls"]
        );
    }

    #[test]
    fn within_a_stream_only_cuts_and_stalls_are_interruptions() {
        let interrupted: Vec<_> = Fault::ALL
            .iter()
            .filter(|fault| fault.code(Stage::Begun) == Code::StreamInterrupted)
            .map(|fault| fault.as_str())
            .collect();
        assert_eq!(
            interrupted,
            [
                "reset_in_answer",
                "closed_in_answer",
                "stalled",
                "no_terminator"
            ]
        );
        for fault in Fault::ALL {
            assert_ne!(
                fault.code(Stage::Before),
                Code::StreamInterrupted,
                "{fault:?}"
            );
        }
    }

    #[test]
    fn every_fault_names_the_provider_and_what_to_do() {
        for &fault in Fault::ALL {
            let failure = Broken::from(fault).failure(find("openai").unwrap(), Stage::Before);
            let message = failure.message.as_deref().unwrap();
            assert!(
                message.starts_with("OpenAI") || fault == Fault::Deadline,
                "{message}"
            );
            assert!(message.to_lowercase().contains("ask again"), "{message}");
        }
        let broken = Broken::invalid("The provider's stream holds an event that is too large.");
        let failure = broken.failure(find("openai-compatible").unwrap(), Stage::Begun);
        let message = failure.message.as_deref().unwrap();
        assert!(
            message.starts_with("The upstream server's stream holds"),
            "{message}"
        );
    }

    #[test]
    fn a_cause_stays_out_of_the_message() {
        let cause = io::Error::other("10.0.0.7:443 canary");
        let failure = Broken::connecting(cause).failure(find("openai").unwrap(), Stage::Before);
        assert_eq!(failure.code, Code::ProviderUnreachable);
        assert_eq!(failure.exchange, Some("unreachable"));
        assert!(!failure.message.as_deref().unwrap().contains("canary"));
        assert!(
            failure
                .cause
                .as_ref()
                .unwrap()
                .to_string()
                .contains("canary")
        );
    }
}
