//! Reads the parameters of a report strictly: one that nobody knows, or that cannot be meant, is
//! a fault, and all faults are named at once.

use std::collections::BTreeSet;

use tollgate_core::error::{Code, Failure, FieldProblem};
use tollgate_core::request_log::Filter;
use tollgate_core::time::Timestamp;

use super::Scope;
use crate::query::Query;
use crate::routes::Endpoint;
use crate::surface::admin::keys::SURFACES;

/// The longest text that is looked for.
const LONGEST: usize = 256;
/// The most faults that are named.
const MOST_FAULTS: usize = 20;
const DAY: i64 = 24 * 60 * 60 * 1000;
const HOUR: i64 = 60 * 60 * 1000;

/// The parameters of a report, and the faults found in them so far.
pub(super) struct Parameters<'a> {
    query: Query<'a>,
    now: Timestamp,
    known: BTreeSet<&'static str>,
    faults: Vec<FieldProblem>,
}

impl<'a> Parameters<'a> {
    pub(super) fn new(query: Query<'a>, now: Timestamp) -> Self {
        Self {
            query,
            now,
            known: BTreeSet::new(),
            faults: Vec::new(),
        }
    }

    fn fault(&mut self, name: &str, kind: &'static str, what: &str) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(FieldProblem {
                path: name.to_owned(),
                message: format!("`{name}` {what}."),
                kind,
            });
        }
    }

    /// The value of a parameter; an empty one counts as absent.
    pub(super) fn text(&mut self, name: &'static str) -> Option<Box<str>> {
        self.known.insert(name);
        let mut values = self.query.all(name).filter(|value| !value.is_empty());
        let (first, second) = (values.next()?, values.next());
        if second.is_some_and(|second| second != first) {
            self.fault(name, "value_error", "stands there twice");
            return None;
        }
        if first.len() > LONGEST {
            let what = format!("must not be longer than {LONGEST} bytes");
            self.fault(name, "string_too_long", &what);
            return None;
        }
        Some(first.into())
    }

    /// A whole number.
    pub(super) fn number(&mut self, name: &'static str, most: u64) -> Option<u64> {
        let text = self.text(name)?;
        let number = text.parse().ok().filter(|number| *number <= most);
        if number.is_none() {
            let what = format!("must be a whole number from 0 to {most}");
            self.fault(name, "int_type", &what);
        }
        number
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        match self.text(name).as_deref() {
            None | Some("false" | "0") => false,
            Some("true" | "1") => true,
            Some(_) => {
                self.fault(name, "bool_type", "must be true or false");
                false
            }
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &mut self,
        name: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.text(name)?;
        let found = words.iter().find(|(word, _)| **word == *text);
        if found.is_none() {
            let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let what = format!("must be one of {}", list.join(", "));
            self.fault(name, "enum", &what);
        }
        found.map(|(_, value)| *value)
    }

    /// A time: RFC 3339, or a date, which stands for the whole day in UTC.
    fn time(&mut self, name: &'static str, is_end: bool) -> Option<Timestamp> {
        let text = self.text(name)?;
        let at = text.parse::<jiff::Timestamp>().ok();
        let at = at.map(jiff::Timestamp::as_millisecond).or_else(|| {
            let date: jiff::civil::Date = text.parse().ok()?;
            let day = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            let begin = day.timestamp().as_millisecond();
            Some(if is_end { begin + DAY } else { begin })
        });
        if at.is_none() {
            let what = "must be a time like 2026-11-21T10:00:00Z or a date like 2026-11-21";
            self.fault(name, "datetime_parsing", what);
        }
        at.map(Timestamp::from_millis)
    }

    /// The time that is asked about: `start_date` and `end_date`, or `period`, such as 24h or 7d,
    /// up to now.
    pub(super) fn period(&mut self) -> (Option<Timestamp>, Option<Timestamp>) {
        let (from, to) = (self.time("start_date", false), self.time("end_date", true));
        if let (Some(from), Some(to)) = (from, to)
            && from >= to
        {
            self.fault("end_date", "value_error", "must lie behind `start_date`");
        }
        let Some(period) = self.text("period") else {
            return (from, to);
        };
        if from.is_some() || to.is_some() {
            let what = "cannot be combined with `start_date` or `end_date`";
            self.fault("period", "value_error", what);
        }
        let Some(length) = length(&period) else {
            let what = "must be a number of hours or days like 24h or 30d, or one of hour, day, \
                        week, month";
            self.fault("period", "value_error", what);
            return (from, to);
        };
        let from = self.now.as_millis().saturating_sub(length);
        (Some(Timestamp::from_millis(from)), to)
    }

    /// What rows are asked for, within what is seen.
    pub(super) fn filter(&mut self, scope: &Scope) -> Filter {
        let (from, to) = self.period();
        let mut filter = Filter {
            organization: None,
            team: None,
            user: self.text("user"),
            key: self.text("api_key_id"),
            model: self.text("model"),
            provider: self.text("provider"),
            surface: self.endpoint(),
            success: self.word("status", &[("success", true), ("error", false)]),
            code: self.code(),
            from,
            to,
            min_ms: self.number("min_latency", u64::from(u32::MAX)),
            max_ms: self.number("max_latency", u64::from(u32::MAX)),
        };
        // Whoever sees only a part may name it, and finds nothing by naming another.
        filter.organization = self.text("organization");
        filter.team = self.text("team");
        let beyond = match scope {
            Scope::Everything => false,
            Scope::Organization(own) => filter.organization.as_ref().is_some_and(|it| it != own),
            Scope::Team(own) => filter.team.as_ref().is_some_and(|it| it != own),
        };
        if beyond {
            // No key has an empty id, so this finds nothing.
            filter.key = Some(Box::default());
        }
        scope.narrow(&mut filter);
        filter
    }

    /// How a call ended, in the words of the rows.
    fn code(&mut self) -> Option<Box<str>> {
        let text = self.text("code")?;
        let is_known = matches!(&*text, "ok" | "client_closed") || Code::from_slug(&text).is_some();
        if !is_known {
            let what = "must be a code of /v1/errors, client_closed or ok";
            self.fault("code", "value_error", what);
        }
        Some(text)
    }

    /// The name of a surface, or an address that belongs to one.
    fn endpoint(&mut self) -> Option<Box<str>> {
        let text = self.text("endpoint")?;
        if SURFACES.contains(&&*text) {
            return Some(text);
        }
        if !text.starts_with('/') {
            let what = "must be a surface, such as openai_chat, or an address of one";
            self.fault("endpoint", "value_error", what);
            return None;
        }
        let found = Endpoint::find(&text);
        if found.is_none() {
            self.fault("endpoint", "value_error", "is no address of this gateway");
        }
        found.map(|endpoint| endpoint.surface().into())
    }

    /// Ends the reading: fails if there was a fault.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        let unknown: Vec<String> = self
            .query
            .names()
            .filter(|name| !self.known.contains(name))
            .map(|name| name.chars().take(64).flat_map(char::escape_debug).collect())
            .collect();
        let known: Vec<&str> = self.known.iter().copied().collect();
        let what = format!("is not known here. Known are: {}", known.join(", "));
        for name in unknown {
            self.fault(&name, "extra_forbidden", &what);
        }
        if self.faults.is_empty() {
            return Ok(());
        }
        let sentences: Vec<&str> = self.faults.iter().map(|it| &*it.message).collect();
        let mut failure = Failure::client(Code::InvalidRequest).message(sentences.join(" "));
        failure.fields = std::mem::take(&mut self.faults);
        Err(failure)
    }
}

/// How long a period is, in milliseconds.
fn length(period: &str) -> Option<i64> {
    let (number, unit) = match period {
        "hour" => (1, HOUR),
        "day" => (1, DAY),
        "week" => (7, DAY),
        "month" => (30, DAY),
        other => {
            let (number, unit) = match other.strip_suffix('h') {
                Some(number) => (number, HOUR),
                None => (other.strip_suffix('d')?, DAY),
            };
            (number.parse().ok()?, unit)
        }
    };
    (1..=10_000)
        .contains(&number)
        .then(|| i64::from(number) * unit)
}
