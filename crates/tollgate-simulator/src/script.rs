//! Scripts: rules that say which requests meet which faults.

mod json;

use thiserror::Error;

use crate::fault::{Fault, MOST_FAULTS};
use crate::request::Request;
use crate::seed::mix;

/// Rules in order; of those that match a request, the first one that is not used up decides.
#[derive(Clone, Default)]
pub struct Script {
    rules: Vec<Rule>,
}

impl Script {
    /// Reads rules written in JSON: one object, an array of them, or `{"rules": […]}`.
    pub fn from_json(text: &str) -> Result<Self, ScriptProblem> {
        json::read(text)
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Adds a rule after the others; fails when there are too many.
    pub fn push(&mut self, rule: Rule) -> Result<(), ScriptProblem> {
        if self.rules.len() >= MOST_RULES {
            return Err(ScriptProblem::TooManyRules { most: MOST_RULES });
        }
        self.rules.push(rule);
        Ok(())
    }

    /// The faults of a request; using up what the rules count.
    pub(crate) fn take(&mut self, request: &Request, seed: u64) -> Vec<Fault> {
        let rules = self.rules.iter_mut().filter(|rule| !rule.is_on_accept());
        taken(rules.filter(|rule| rule.condition.holds(request)), seed)
    }

    /// The faults of a connection that was just accepted.
    pub(crate) fn take_on_accept(&mut self, seed: u64) -> Vec<Fault> {
        taken(
            self.rules.iter_mut().filter(|rule| rule.is_on_accept()),
            seed,
        )
    }
}

/// The most rules of a script.
const MOST_RULES: usize = 10_000;

fn taken<'a>(rules: impl Iterator<Item = &'a mut Rule>, seed: u64) -> Vec<Fault> {
    for rule in rules {
        if rule.applies_now(seed) {
            return rule.faults.clone();
        }
    }
    Vec::new()
}

/// Faults, and the requests that meet them.
#[derive(Clone)]
pub struct Rule {
    condition: Condition,
    faults: Vec<Fault>,
    skip: u64,
    times: Option<u64>,
    percent: u64,
    matched: u64,
    applied: u64,
}

impl Rule {
    /// A rule that puts these faults on every request; fails when they cannot be read.
    /// The faults are written as in a model name: `rate-limit:retry-after=1`, `bom+split`.
    pub fn new(faults: &str) -> Result<Self, ScriptProblem> {
        Fault::parse(faults).map(Self::of)
    }

    /// A rule that puts these faults on every request. Only the first 16 of them count.
    pub fn of(mut faults: Vec<Fault>) -> Self {
        faults.truncate(MOST_FAULTS);
        Self {
            condition: Condition::default(),
            faults,
            skip: 0,
            times: None,
            percent: 100,
            matched: 0,
            applied: 0,
        }
    }

    /// Only for this model; a `*` at the end stands for anything.
    #[must_use]
    pub fn model(mut self, model: &str) -> Self {
        self.condition.model = Some(model.to_owned());
        self
    }

    /// Only for this path; a `*` at the end stands for anything.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.condition.path = Some(path.to_owned());
        self
    }

    /// Only for this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.condition.method = Some(method.to_owned());
        self
    }

    /// Only for requests that ask for a stream, or only for those that do not.
    #[must_use]
    pub fn stream(mut self, stream: bool) -> Self {
        self.condition.stream = Some(stream);
        self
    }

    /// Only for requests that have this header with this value.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.condition
            .headers
            .push((name.to_owned(), value.to_owned()));
        self
    }

    /// Only for requests whose body contains this text.
    #[must_use]
    pub fn body(mut self, text: &str) -> Self {
        self.condition.body = Some(text.to_owned());
        self
    }

    /// Not for the first so many matching requests.
    #[must_use]
    pub fn skip(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// Only so many times.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Only for the nth matching request, counted from one.
    #[must_use]
    pub fn nth(self, nth: u64) -> Self {
        self.skip(nth.saturating_sub(1)).times(1)
    }

    /// Only for so many in a hundred of the matching requests, chosen by the seed.
    #[must_use]
    pub fn percent(mut self, percent: u8) -> Self {
        self.percent = u64::from(percent.min(100));
        self
    }

    /// How many requests have met these faults.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// How many requests have matched, whether they met the faults or not.
    pub fn matched(&self) -> u64 {
        self.matched
    }

    /// The faults, as they would be written down.
    pub fn spelling(&self) -> String {
        let faults: Vec<String> = self.faults.iter().map(Fault::spelling).collect();
        faults.join("+")
    }

    fn is_on_accept(&self) -> bool {
        self.faults.iter().any(|fault| fault.row.is_on_accept())
    }

    fn applies_now(&mut self, seed: u64) -> bool {
        if self.times.is_some_and(|times| self.applied >= times) {
            return false;
        }
        self.matched += 1;
        let drawn = mix(seed ^ 0x0070_6572_6365_6e74, self.matched) % 100;
        let applies = self.matched > self.skip && drawn < self.percent;
        self.applied += u64::from(applies);
        applies
    }
}

#[derive(Clone, Default)]
struct Condition {
    model: Option<String>,
    path: Option<String>,
    method: Option<String>,
    stream: Option<bool>,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Condition {
    fn holds(&self, request: &Request) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted
                .as_deref()
                .is_none_or(|wanted| matches(wanted, found))
        };
        is(&self.model, request.model())
            && is(&self.path, &request.path)
            && is(&self.method, &request.method)
            && self
                .stream
                .is_none_or(|wanted| wanted == request.wants_stream())
            && self
                .headers
                .iter()
                .all(|(name, value)| request.header(name).is_some_and(|found| found == value))
            && self
                .body
                .as_deref()
                .is_none_or(|text| memchr::memmem::find(&request.body, text.as_bytes()).is_some())
    }
}

fn matches(wanted: &str, found: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) => found.starts_with(beginning),
        None => wanted == found,
    }
}

/// What is wrong with a script or a fault that was written down.
#[derive(Debug, Error)]
pub enum ScriptProblem {
    /// No row of the table has this name.
    #[error("there is no fault `{fault}`; the nearest is `{near}`")]
    UnknownFault {
        /// The name as written.
        fault: String,
        /// The row whose name is most like it.
        near: &'static str,
    },
    /// The row has no such parameter.
    #[error(
        "`{fault}` has no parameter `{parameter}`; it has {}",
        known_or_none(known)
    )]
    UnknownParameter {
        /// The fault.
        fault: &'static str,
        /// The parameter as written.
        parameter: String,
        /// The parameters that the row has.
        known: Vec<&'static str>,
    },
    /// The parameter does not take this value.
    #[error("`{parameter}` of `{fault}` is `{value}`, but must be {expected}")]
    BadValue {
        /// The fault.
        fault: &'static str,
        /// The parameter.
        parameter: String,
        /// The value as written.
        value: String,
        /// What is accepted.
        expected: String,
    },
    /// A parameter was written without a value.
    #[error("`{parameter}` needs a value, as in `{parameter}=…`")]
    NoValue {
        /// The parameter.
        parameter: String,
    },
    /// More faults at once than an answer may have.
    #[error("one answer has at most {most} faults")]
    TooManyFaults {
        /// How many are possible.
        most: usize,
    },
    /// More rules than a script may have.
    #[error("a script has at most {most} rules")]
    TooManyRules {
        /// How many are possible.
        most: usize,
    },
    /// The fault happens before a request is known, so a request cannot ask for it.
    #[error(
        "`{fault}` happens before there is a request, so only the rule of a script can ask for it"
    )]
    OnlyInScript {
        /// The fault.
        fault: &'static str,
    },
    /// The text is not JSON, or not of the shape of a script.
    #[error("the script cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A rule of the script is wrong.
    #[error("rule {number}: {problem}")]
    InRule {
        /// Which rule, counted from one.
        number: usize,
        /// What is wrong with it.
        problem: Box<ScriptProblem>,
    },
}

fn known_or_none(known: &[&str]) -> String {
    if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(rule: Rule, requests: usize) -> Vec<usize> {
        let mut script = Script::default();
        script.push(rule).unwrap();
        let mut request = Request::example("POST", "/v1/chat/completions");
        request.document = Some(serde_json::json!({"model": "a/b", "stream": true}));
        (1..=requests)
            .filter(|_| !script.take(&request, 1).is_empty())
            .collect()
    }

    #[test]
    fn a_rule_is_skipped_and_used_up_as_it_says() {
        let rule = || Rule::new("quota").unwrap();
        assert_eq!(applied(rule(), 3), [1, 2, 3]);
        assert_eq!(applied(rule().skip(1).times(2), 5), [2, 3]);
        assert_eq!(applied(rule().nth(3), 5), [3]);
    }

    #[test]
    fn a_rule_holds_only_where_all_its_conditions_hold() {
        let rule = || Rule::new("quota").unwrap();
        assert_eq!(
            applied(rule().model("a/*").stream(true).method("POST"), 1),
            [1]
        );
        assert!(applied(rule().model("a"), 1).is_empty());
        assert!(applied(rule().stream(false), 1).is_empty());
        assert!(applied(rule().path("/v1/embeddings"), 1).is_empty());
        assert!(applied(rule().body("nothing of this"), 1).is_empty());
        assert!(applied(rule().header("x-a", "1"), 1).is_empty());
    }

    #[test]
    fn a_share_of_the_requests_is_met_and_always_the_same_one() {
        let rule = || Rule::new("quota").unwrap().percent(30);
        let met = applied(rule(), 1_000);
        assert!((250..350).contains(&met.len()), "{}", met.len());
        assert_eq!(met, applied(rule(), 1_000));
    }

    #[test]
    fn a_rule_that_is_used_up_leaves_the_request_to_the_next() {
        let mut script = Script::default();
        script.push(Rule::new("quota").unwrap().times(1)).unwrap();
        script.push(Rule::new("overloaded").unwrap()).unwrap();
        let request = Request::example("POST", "/");
        let names: Vec<_> = (0..2)
            .map(|_| script.take(&request, 0)[0].spelling())
            .collect();
        assert_eq!(names, ["quota", "overloaded"]);
    }
}
