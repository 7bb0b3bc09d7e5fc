//! What one response says that decides: an event of a stream, or a whole answer. Relaying and
//! parsing judge by the same facts.

use tollgate_core::reply::{Finish, Usage};

use super::finish::Reason;
use super::usage;
use crate::json::{self, Kind, NameBuffer, Problem, Scanner};
use crate::output;

/// Why a text is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is not JSON.
    NotJson(&'static str),
    /// It is JSON, but no object.
    NotAnObject,
}

impl Unreadable {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::NotJson(reason) => reason,
            Self::NotAnObject => "it is no JSON object",
        }
    }
}

/// What the responses of a stream, or the one of a plain call, have said so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// Whether the first candidate has said anything.
    content: bool,
    /// Whether it has called a tool.
    calls: bool,
    /// Whether the prompt was blocked.
    blocked: bool,
    /// One bit for each candidate that was seen.
    seen: u64,
    /// One bit for each candidate that has ended.
    ended: u64,
    /// Whether what is said is counted: that of streams is, as they may break off uncounted.
    counts: bool,
}

impl Progress {
    /// The beginning of a stream, of which is counted what it says.
    pub(super) fn counting() -> Self {
        Self {
            counts: true,
            ..Self::default()
        }
    }

    /// Whether the end of the body would be a good end.
    pub(super) const fn is_complete(&self) -> bool {
        self.blocked || (self.ended != 0 && self.seen & !self.ended == 0)
    }
}

/// What one response says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chunk {
    /// What is to be thought of it.
    pub(super) verdict: Verdict,
    /// Whether it has an array of candidates.
    pub(super) candidates: bool,
    /// Whether any candidate says something.
    pub(super) content: bool,
    /// About how much, in sixteenths of a token, if that is counted.
    pub(super) delivered: u32,
    /// Why the first candidate ended.
    pub(super) finish: Option<Finish>,
    /// Token counts so far.
    pub(super) usage: Option<Usage>,
}

/// What is to be thought of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It belongs to an answer.
    #[default]
    Good,
    /// The provider's policy has refused the prompt, or the answer before its first word. Callers
    /// of this format know how to read that; to others it is an error.
    Refused,
    /// It reports an error, in one way or another.
    Error,
}

/// What one candidate says.
#[derive(Default)]
struct Candidate {
    index: Option<u64>,
    counts: bool,
    delivered: u32,
    content: bool,
    calls: bool,
    reason: Option<Reason>,
}

impl Candidate {
    fn say(&mut self, said: impl FnOnce() -> u32) {
        if self.counts {
            self.delivered = self.delivered.saturating_add(said());
        }
    }
}

/// Reads a response.
pub(super) fn read(data: &[u8], progress: &mut Progress) -> Result<Chunk, Unreadable> {
    scan(data, progress).map_err(|problem| Unreadable::NotJson(problem.fault.reason()))?
}

fn scan(data: &[u8], progress: &mut Progress) -> Result<Result<Chunk, Unreadable>, Problem> {
    let mut scanner = Scanner::new(json::utf8(data)?);
    if scanner.kind()? != Kind::Object {
        scanner.skip()?;
        scanner.finish()?;
        return Ok(Err(Unreadable::NotAnObject));
    }
    let mut chunk = Chunk::default();
    let mut first = None;
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    let (mut error, mut blocked) = (false, false);
    while let Some(name) = scanner.member(&mut members)? {
        match name.name(&mut buffer) {
            b"error" => {
                error |= scanner.kind()? != Kind::Null;
                scanner.skip()?;
            }
            b"candidates" if scanner.kind()? == Kind::Array => {
                chunk.candidates = true;
                first = candidates(&mut scanner, &mut chunk, progress)?;
            }
            b"promptFeedback" => blocked |= is_blocked(&mut scanner)?,
            b"usageMetadata" => chunk.usage = usage::read(&mut scanner)?.or(chunk.usage),
            _ => scanner.skip()?,
        }
    }
    scanner.finish()?;
    // Feedback beside an answer is no more than ratings.
    blocked &= first.is_none() && !progress.content;
    progress.blocked |= blocked;
    chunk.judge(error, blocked, first.as_ref(), progress);
    Ok(Ok(chunk))
}

impl Chunk {
    fn judge(
        &mut self,
        error: bool,
        blocked: bool,
        first: Option<&Candidate>,
        progress: &mut Progress,
    ) {
        if let Some(first) = first {
            progress.content |= first.content;
            progress.calls |= first.calls;
        }
        let reason = first.and_then(|first| first.reason);
        self.finish = reason.map(|reason| reason.finish(progress.calls));
        if blocked {
            self.finish = Some(Finish::ContentFilter);
        }
        self.verdict = match reason {
            _ if error => Verdict::Error,
            _ if blocked => Verdict::Refused,
            Some(Reason::Failed) => Verdict::Error,
            Some(Reason::Unclear) if !progress.content => Verdict::Error,
            Some(Reason::Filtered) if !progress.content => Verdict::Refused,
            Some(Reason::Stop | Reason::Length | Reason::Filtered | Reason::Unclear) | None => {
                Verdict::Good
            }
        };
    }
}

/// Takes the candidates; gives the first one, if it is among them.
fn candidates(
    scanner: &mut Scanner<'_>,
    chunk: &mut Chunk,
    progress: &mut Progress,
) -> Result<Option<Candidate>, Problem> {
    let mut first = None;
    let mut items = scanner.array()?;
    let mut place = 0_u64;
    while scanner.item(&mut items)? {
        if scanner.kind()? == Kind::Object {
            let candidate = candidate(scanner, progress.counts)?;
            let index = candidate.index.unwrap_or(place);
            let bit = u32::try_from(index)
                .ok()
                .and_then(|at| 1_u64.checked_shl(at));
            progress.seen |= bit.unwrap_or_default();
            if candidate.reason.is_some() {
                progress.ended |= bit.unwrap_or_default();
            }
            chunk.content |= candidate.content;
            chunk.delivered = chunk.delivered.saturating_add(candidate.delivered);
            if index == 0 {
                first = Some(candidate);
            }
        } else {
            scanner.skip()?;
        }
        place += 1;
    }
    Ok(first)
}

fn candidate(scanner: &mut Scanner<'_>, counts: bool) -> Result<Candidate, Problem> {
    let mut candidate = Candidate {
        counts,
        ..Candidate::default()
    };
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        match name.name(&mut buffer) {
            b"index" => candidate.index = usage::count(scanner, &mut false)?,
            b"finishReason" if scanner.kind()? == Kind::String => {
                let word = scanner.string()?.decode();
                candidate.reason = word.and_then(|word| Reason::of(&word));
            }
            b"content" if scanner.kind()? == Kind::Object => content(scanner, &mut candidate)?,
            _ => scanner.skip()?,
        }
    }
    Ok(candidate)
}

fn content(scanner: &mut Scanner<'_>, candidate: &mut Candidate) -> Result<(), Problem> {
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        if name.name(&mut buffer) != b"parts" || scanner.kind()? != Kind::Array {
            scanner.skip()?;
            continue;
        }
        let mut items = scanner.array()?;
        while scanner.item(&mut items)? {
            if scanner.kind()? == Kind::Object {
                part(scanner, candidate)?;
            } else {
                scanner.skip()?;
            }
        }
    }
    Ok(())
}

/// A part says something unless it is an empty text or a mere signature.
fn part(scanner: &mut Scanner<'_>, candidate: &mut Candidate) -> Result<(), Problem> {
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        match name.name(&mut buffer) {
            b"text" if scanner.kind()? == Kind::String => {
                let text = scanner.string()?;
                candidate.content |= !text.is_empty();
                candidate.say(|| output::of_text(&text));
            }
            b"thought" | b"thoughtSignature" | b"text" => scanner.skip()?,
            name => {
                candidate.calls |= name == b"functionCall";
                let tells = matches!(name, b"functionCall" | b"executableCode");
                candidate.content |= scanner.kind()? == Kind::Object;
                if tells && candidate.counts {
                    let said = output::of_value(scanner)?;
                    candidate.say(|| said);
                } else {
                    scanner.skip()?;
                }
            }
        }
    }
    Ok(())
}

/// Takes `promptFeedback`: whether it says that the prompt was blocked.
fn is_blocked(scanner: &mut Scanner<'_>) -> Result<bool, Problem> {
    if scanner.kind()? != Kind::Object {
        scanner.skip()?;
        return Ok(false);
    }
    let mut blocked = false;
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        if name.name(&mut buffer) == b"blockReason" && scanner.kind()? == Kind::String {
            let reason = scanner.string()?;
            blocked = !reason.is_empty()
                && !reason.is("BLOCK_REASON_UNSPECIFIED")
                && !reason.is("BLOCKED_REASON_UNSPECIFIED");
        } else {
            scanner.skip()?;
        }
    }
    Ok(blocked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(json: &str) -> (Verdict, Option<Finish>) {
        let chunk = read(json.as_bytes(), &mut Progress::default()).unwrap();
        (chunk.verdict, chunk.finish)
    }

    fn of_reason(word: &str, parts: &str) -> (Verdict, Option<Finish>) {
        verdict(&format!(
            r#"{{"candidates":[{{"content":{{"parts":[{parts}]}},"finishReason":"{word}"}}]}}"#
        ))
    }

    #[test]
    fn a_reason_is_judged_by_what_was_said_before() {
        const TEXT: &str = r#"{"text":"x"}"#;
        const CALL: &str = r#"{"functionCall":{"name":"f"}}"#;
        const NOTHING: &str = r#"{"text":""},{"thoughtSignature":"x","thought":true}"#;
        use Verdict::{Error, Good, Refused};
        for (word, parts, want) in [
            ("STOP", TEXT, (Good, Some(Finish::Stop))),
            ("STOP", NOTHING, (Good, Some(Finish::Stop))),
            ("STOP", CALL, (Good, Some(Finish::ToolCalls))),
            ("MAX_TOKENS", CALL, (Good, Some(Finish::Length))),
            ("MAX_TOKENS", NOTHING, (Good, Some(Finish::Length))),
            ("SAFETY", TEXT, (Good, Some(Finish::ContentFilter))),
            ("SAFETY", NOTHING, (Refused, Some(Finish::ContentFilter))),
            ("LANGUAGE", NOTHING, (Refused, Some(Finish::ContentFilter))),
            ("UNEXPECTED_TOOL_CALL", CALL, (Error, Some(Finish::Other))),
            (
                "MALFORMED_FUNCTION_CALL",
                TEXT,
                (Error, Some(Finish::Other)),
            ),
            ("OTHER", NOTHING, (Error, Some(Finish::Other))),
            ("OTHER", TEXT, (Good, Some(Finish::Other))),
            ("A_NEW_ONE", TEXT, (Good, Some(Finish::Other))),
            ("FINISH_REASON_UNSPECIFIED", TEXT, (Good, None)),
        ] {
            assert_eq!(of_reason(word, parts), want, "{word} {parts}");
        }
    }

    #[test]
    fn errors_and_blocked_prompts_are_seen_wherever_they_stand() {
        for (json, want) in [
            (r#"{"error":{"code":503}}"#, Verdict::Error),
            (r#"{"candidates":[],"error":"x"}"#, Verdict::Error),
            (r#"{"error":null,"candidates":[]}"#, Verdict::Good),
            (
                r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#,
                Verdict::Refused,
            ),
            (r#"{"promptFeedback":{"safetyRatings":[]}}"#, Verdict::Good),
            (
                r#"{"promptFeedback":{"blockReason":"OTHER"},"candidates":[{"content":{"parts":[{"text":"x"}]}}]}"#,
                Verdict::Good,
            ),
        ] {
            assert_eq!(verdict(json).0, want, "{json}");
        }
    }

    #[test]
    fn every_candidate_that_began_must_end() {
        let mut progress = Progress::default();
        let mut feed = |json: &str| {
            read(json.as_bytes(), &mut progress).unwrap();
            progress.is_complete()
        };
        assert!(!feed("{}"));
        assert!(!feed(r#"{"candidates":[{"index":0},{"index":1}]}"#));
        assert!(!feed(
            r#"{"candidates":[{"index":1,"finishReason":"STOP"}]}"#
        ));
        assert!(feed(r#"{"candidates":[{"finishReason":"STOP"}]}"#));
        assert!(feed(r#"{"usageMetadata":{}}"#));
    }
}
