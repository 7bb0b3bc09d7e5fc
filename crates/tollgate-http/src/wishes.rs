//! What a request asks of the gateway itself, by headers.

use std::time::{Duration, Instant};

use http::HeaderValue;
use tollgate_core::call::Wishes;
use tollgate_core::error::{Code, Failure, FieldProblem};

/// A day: the longest that anybody waits.
const LONGEST: Duration = Duration::from_hours(24);
/// Our answer leaves so much earlier than the caller gives up: a twentieth of its patience, and
/// never more than this.
const LONGEST_MARGIN: Duration = Duration::from_millis(250);
const MOST_TAGS: usize = 16;
const LONGEST_TAG: usize = 64;
const LONGEST_SESSION: usize = 256;

/// Gathers wishes from headers in one pass. Nothing is allocated for a request that has none.
#[derive(Default)]
pub(crate) struct Reader {
    total: Option<Duration>,
    first_byte: Option<Duration>,
    fallbacks: Option<bool>,
    trail: Option<bool>,
    tags: Vec<Box<str>>,
    session: Option<Box<str>>,
    faults: Vec<FieldProblem>,
}

impl Reader {
    /// Notes a header, if it is one of these. Its name is in lower case.
    pub(crate) fn note(&mut self, name: &str, value: &HeaderValue) {
        match name {
            "x-tollgate-timeout-ms" => {
                let what = "must be whole milliseconds from 1 to 86400000";
                let faults = &mut self.faults;
                once(&mut self.total, timeout_ms(value).ok_or(what), name, faults);
            }
            "x-tollgate-fallbacks" => {
                let on = word(value, &[("on", true), ("off", false)]);
                let what = "must be `on` or `off`";
                once(&mut self.fallbacks, on.ok_or(what), name, &mut self.faults);
            }
            "x-tollgate-trail" => {
                let full = word(value, &[("full", true), ("off", false)]);
                let what = "must be `full` or `off`";
                once(&mut self.trail, full.ok_or(what), name, &mut self.faults);
            }
            "x-tollgate-session" => {
                once(&mut self.session, session(value), name, &mut self.faults);
            }
            "x-tollgate-tags" => {
                if let Err(what) = self.note_tags(value) {
                    self.faults.push(fault(name, what));
                }
            }
            // The defaults of the official clients stand here, too; what is not a time is nobody's
            // wish.
            "x-stainless-timeout" | "x-stainless-read-timeout" => {
                if let Some(patience) = seconds(value) {
                    let shorter = self.first_byte.map_or(patience, |it| it.min(patience));
                    self.first_byte = Some(shorter);
                }
            }
            _ => {}
        }
    }

    /// A list may be told in several headers.
    fn note_tags(&mut self, value: &HeaderValue) -> Result<(), &'static str> {
        let tags = value.as_bytes().split(|byte| *byte == b',');
        for tag in tags.map(<[u8]>::trim_ascii).filter(|tag| !tag.is_empty()) {
            let tag = visible(tag).filter(|tag| tag.len() <= LONGEST_TAG);
            let tag = tag.ok_or("must be tags of at most 64 visible ASCII characters each")?;
            if self.tags.len() == MOST_TAGS {
                return Err("must hold at most 16 tags");
            }
            self.tags.push(tag.into());
        }
        Ok(())
    }

    /// Gives the wishes, or names every header that cannot be read.
    pub(crate) fn finish(self) -> Result<Wishes, Failure> {
        if !self.faults.is_empty() {
            let mut failure = Failure::client(Code::InvalidRequest);
            failure.fields = self.faults;
            return Err(failure);
        }
        Ok(Wishes {
            first_byte: self.first_byte.map(without_margin),
            total: self.total.map(without_margin),
            no_fallbacks: self.fallbacks == Some(false),
            trail: self.trail == Some(true),
            tags: self.tags,
            session: self.session,
        })
    }
}

/// Takes off what has passed since the request began: its caller has waited that long already.
pub(crate) fn take_off(wishes: &mut Wishes, begin: Instant) {
    if wishes.first_byte.is_some() || wishes.total.is_some() {
        let passed = begin.elapsed();
        let left = |patience: Duration| patience.saturating_sub(passed);
        wishes.first_byte = wishes.first_byte.map(left);
        wishes.total = wishes.total.map(left);
    }
}

/// From when on it counts that something was waited for.
const LEAST_WAIT: Duration = Duration::from_millis(10);

/// The same wishes behind a wait for something else than a provider, that began then: a request has
/// one deadline, also where its caller wishes for none and `longest` alone bounds it. `None` where
/// there was no wait: then all of the time is its target's, which is to blame for being silent.
pub(crate) fn left(wishes: &Wishes, longest: Duration, since: Instant) -> Option<Wishes> {
    if since.elapsed() < LEAST_WAIT {
        return None;
    }
    let total = wishes.total.unwrap_or(longest).min(longest);
    let mut left = Wishes {
        total: Some(total),
        ..wishes.clone()
    };
    take_off(&mut left, since);
    Some(left)
}

/// Keeps what a header says that may be there once only.
fn once<T>(
    kept: &mut Option<T>,
    told: Result<T, &'static str>,
    name: &str,
    faults: &mut Vec<FieldProblem>,
) {
    match told {
        Ok(_) if kept.is_some() => faults.push(fault(name, "must be there only once")),
        Ok(told) => *kept = Some(told),
        Err(what) => faults.push(fault(name, what)),
    }
}

fn fault(name: &str, what: &str) -> FieldProblem {
    FieldProblem {
        path: name.to_owned(),
        message: format!("The header {what}."),
        kind: "value_error",
    }
}

fn timeout_ms(value: &HeaderValue) -> Option<Duration> {
    let digits = value.as_bytes();
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let timeout = Duration::from_millis(value.to_str().ok()?.parse().ok()?);
    (!timeout.is_zero() && timeout <= LONGEST).then_some(timeout)
}

/// Seconds with or without a fraction. What is not positive means that there is no limit, and
/// nobody waits for more than a day.
fn seconds(value: &HeaderValue) -> Option<Duration> {
    let seconds: f64 = value.to_str().ok()?.trim().parse().ok()?;
    let timeout = Duration::try_from_secs_f64(seconds).ok()?;
    (!timeout.is_zero() && timeout <= LONGEST).then_some(timeout)
}

fn word(value: &HeaderValue, known: &[(&str, bool)]) -> Option<bool> {
    let told = value.as_bytes().trim_ascii();
    let found = known
        .iter()
        .find(|(word, _)| told.eq_ignore_ascii_case(word.as_bytes()));
    found.map(|(_, means)| *means)
}

fn session(value: &HeaderValue) -> Result<Box<str>, &'static str> {
    visible(value.as_bytes().trim_ascii())
        .filter(|session| (1..=LONGEST_SESSION).contains(&session.len()))
        .map(Into::into)
        .ok_or("must have 1 to 256 visible ASCII characters")
}

/// The text of bytes that are all visible characters of ASCII.
fn visible(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.bytes()
        .all(|byte| byte.is_ascii_graphic())
        .then_some(text)
}

fn without_margin(patience: Duration) -> Duration {
    patience.saturating_sub((patience / 20).min(LONGEST_MARGIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &[u8])]) -> Result<Wishes, Failure> {
        let mut reader = Reader::default();
        for (name, value) in headers {
            reader.note(name, &HeaderValue::from_bytes(value).unwrap());
        }
        reader.finish()
    }

    fn faults(headers: &[(&str, &[u8])]) -> Vec<String> {
        let failure = read(headers).unwrap_err();
        assert_eq!(failure.code, Code::InvalidRequest);
        let fields = failure.fields.iter();
        fields.map(|field| field.path.clone()).collect()
    }

    #[test]
    fn every_wish_is_read() {
        let wishes = read(&[
            ("x-tollgate-timeout-ms", b"1000"),
            ("x-tollgate-fallbacks", b"Off"),
            ("x-tollgate-trail", b"full"),
            ("x-tollgate-tags", b" batch, eu,, "),
            ("x-tollgate-tags", b"night"),
            ("x-tollgate-session", b"s-1"),
            ("x-stainless-timeout", b"600"),
            ("x-stainless-read-timeout", b"2.5"),
            ("x-tollgate-error-dialect", b"openai"),
            ("x-stainless-lang", b"js"),
        ]);
        let expected = Wishes {
            first_byte: Some(Duration::from_millis(2375)),
            total: Some(Duration::from_millis(950)),
            no_fallbacks: true,
            trail: true,
            tags: vec!["batch".into(), "eu".into(), "night".into()],
            session: Some("s-1".into()),
        };
        assert_eq!(wishes.unwrap(), expected);
        let on: &[(&str, &[u8])] = &[("x-tollgate-fallbacks", b"on"), ("x-tollgate-tags", b"")];
        assert_eq!(read(on).unwrap(), Wishes::default());
    }

    #[test]
    fn our_answer_is_there_before_the_caller_gives_up() {
        for (patience_ms, left_ms) in [(1000_u32, 950_u64), (600_000, 599_750), (20, 19)] {
            let value = patience_ms.to_string();
            let wishes = read(&[("x-tollgate-timeout-ms", value.as_bytes())]).unwrap();
            assert_eq!(wishes.total, Some(Duration::from_millis(left_ms)));
            let value = (f64::from(patience_ms) / 1000.0).to_string();
            let wishes = read(&[("x-stainless-timeout", value.as_bytes())]).unwrap();
            let first_byte = wishes.first_byte.unwrap().as_secs_f64() * 1000.0;
            assert!((first_byte - left_ms as f64).abs() < 0.01, "{first_byte}");
        }
    }

    #[test]
    fn what_our_headers_cannot_mean_is_named() {
        for (name, value) in [
            ("x-tollgate-timeout-ms", "0"),
            ("x-tollgate-timeout-ms", "86400001"),
            ("x-tollgate-timeout-ms", "1.5"),
            ("x-tollgate-timeout-ms", "+5"),
            ("x-tollgate-timeout-ms", ""),
            ("x-tollgate-timeout-ms", "99999999999999999999999"),
            ("x-tollgate-fallbacks", "no"),
            ("x-tollgate-trail", "yes"),
            ("x-tollgate-session", ""),
            ("x-tollgate-session", "a b"),
            ("x-tollgate-session", "\u{e9}"),
            ("x-tollgate-session", &"s".repeat(257)),
            ("x-tollgate-tags", "a b"),
            ("x-tollgate-tags", &"t".repeat(65)),
            ("x-tollgate-tags", &"t,".repeat(17)),
        ] {
            assert_eq!(faults(&[(name, value.as_bytes())]), [name], "{value}");
        }
        let twice: &[(&str, &[u8])] = &[
            ("x-tollgate-session", b"a"),
            ("x-tollgate-session", b"b"),
            ("x-tollgate-trail", b"none"),
        ];
        assert_eq!(faults(twice), ["x-tollgate-session", "x-tollgate-trail"]);
        for (name, value) in [
            ("x-tollgate-timeout-ms", "86400000"),
            ("x-tollgate-session", &*"s".repeat(256)),
            (
                "x-tollgate-tags",
                &*format!("{},{}", "t".repeat(64), "t,".repeat(15)),
            ),
        ] {
            assert!(read(&[(name, value.as_bytes())]).is_ok(), "{value}");
        }
    }

    #[test]
    fn what_the_headers_of_official_clients_cannot_mean_is_no_wish() {
        for value in [
            "", "0", "-1", "inf", "nan", "None", "1e300", "86401", "\u{e9}",
        ] {
            let wishes = read(&[("x-stainless-timeout", value.as_bytes())]).unwrap();
            assert_eq!(wishes, Wishes::default(), "{value}");
        }
    }

    #[test]
    fn time_that_has_passed_is_taken_off() {
        let begin = Instant::now();
        let begin = begin.checked_sub(Duration::from_millis(400)).unwrap();
        let mut wishes = Wishes {
            first_byte: Some(Duration::from_millis(300)),
            total: Some(Duration::from_mins(1)),
            ..Wishes::default()
        };
        take_off(&mut wishes, begin);
        assert_eq!(wishes.first_byte, Some(Duration::ZERO));
        assert!(wishes.total.unwrap() <= Duration::from_millis(59_600));
        assert!(wishes.total.unwrap() > Duration::from_secs(30));
        let mut none = Wishes::default();
        take_off(&mut none, begin);
        assert_eq!(none, Wishes::default());
    }
}
