//! What an audit row says of a change: the members that differ, as JSON, without secrets.

use std::fmt::Write as _;

use tollgate_core::budget::{Budget, Controls};
use tollgate_core::error::dialect::Dialect;
use tollgate_core::id::UserId;
use tollgate_core::job::Terms;
use tollgate_core::key::VirtualKey;
use tollgate_core::limit::RateLimits;
use tollgate_core::tenant::{Organization, Team, User};
use tollgate_core::time::Timestamp;

/// The members of something, each with its value as JSON.
type Members = Vec<(&'static str, String)>;

/// Something whose changes are told.
pub(crate) trait Told {
    /// Its members, always the same ones in the same order.
    fn members(&self) -> Members;
}

/// The change that made something.
pub(crate) fn made(new: &impl Told) -> String {
    object(
        new.members()
            .into_iter()
            .map(|(name, value)| (name, format!("{{\"new\":{value}}}"))),
    )
}

/// The change from one state to another.
pub(crate) fn changed<T: Told>(old: &T, new: &T) -> String {
    let both = old.members().into_iter().zip(new.members());
    let differing = both.filter(|((_, old), (_, new))| old != new);
    object(
        differing.map(|((name, old), (_, new))| (name, format!("{{\"new\":{new},\"old\":{old}}}"))),
    )
}

/// The same with what was said of it. What is said is told also where nothing else differs.
pub(crate) fn changed_because<T: Told>(old: &T, new: &T, reason: Option<&str>) -> String {
    let change = changed(old, new);
    let Some(reason) = reason else {
        return change;
    };
    let said = set("reason", reason);
    if is_nothing(&change) {
        return said;
    }
    let members = change.strip_suffix('}').unwrap_or_default();
    let more = said.strip_prefix('{').unwrap_or_default();
    format!("{members},{more}")
}

/// Whether nothing differs.
pub(crate) fn is_nothing(change: &str) -> bool {
    change == "{}"
}

/// A change of which there is nothing to tell.
pub(crate) fn nothing() -> String {
    object([])
}

/// A change of a single member that has no former value worth telling.
pub(crate) fn set(name: &'static str, value: &str) -> String {
    object([(name, format!("{{\"new\":{}}}", text(value)))])
}

impl Told for Organization {
    fn members(&self) -> Members {
        let mut members = vec![
            ("name", text(&self.name)),
            ("status", text(self.status.as_str())),
            ("keep_bodies", self.keeps_bodies.to_string()),
            ("metadata", json(self.metadata.as_deref())),
        ];
        members.extend(controls(&self.controls));
        members
    }
}

impl Told for Team {
    fn members(&self) -> Members {
        let mut members = vec![
            ("organization", text(self.organization.as_str())),
            ("name", text(&self.name)),
            ("status", text(self.status.as_str())),
            ("metadata", json(self.metadata.as_deref())),
        ];
        members.extend(controls(&self.controls));
        members.extend(terms(self.job_terms.as_deref()));
        members
    }
}

/// What is JSON already.
fn json(value: Option<&str>) -> String {
    value.unwrap_or("null").to_owned()
}

/// What jobs cost, where that was said.
fn terms(terms: Option<&Terms>) -> Members {
    let figure = |of: fn(&Terms) -> u64| {
        terms.map_or_else(|| "null".to_owned(), |terms| of(terms).to_string())
    };
    vec![
        ("budget_mode", optional(terms.map(|it| it.mode.as_str()))),
        (
            "credits_per_dollar_millionths",
            figure(|it| it.credits_per_dollar),
        ),
        ("tokens_per_credit", figure(|it| it.tokens_per_credit)),
        (
            "default_model",
            optional(terms.and_then(|it| it.default_model.as_deref())),
        ),
    ]
}

impl Told for User {
    fn members(&self) -> Members {
        let mut members = vec![
            ("organization", text(self.organization.as_str())),
            ("email", text(&self.email)),
            ("role", text(self.role.as_str())),
            ("status", text(self.status.as_str())),
        ];
        members.extend(controls(&self.controls));
        members
    }
}

impl Told for VirtualKey {
    fn members(&self) -> Members {
        let user = self.tenancy.user.as_ref();
        let dialect = self.error_dialect.map(Dialect::name);
        let addresses: Vec<String> = self
            .reach
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect();
        let mut members = vec![
            ("name", text(&self.name)),
            ("key_prefix", text(&self.masked())),
            ("team", text(self.tenancy.team.as_str())),
            ("user", optional(user.map(UserId::as_str))),
            ("permissions", list(self.permissions.names())),
            ("models", list(self.models.patterns())),
            (
                "surfaces",
                list(self.reach.surfaces.iter().map(AsRef::as_ref)),
            ),
            ("addresses", list(addresses.iter().map(String::as_str))),
            ("expires_at", time(self.expires_at)),
            ("revoked_at", time(self.revoked_at)),
            ("error_dialect", optional(dialect)),
            ("priority", text(self.priority.as_str())),
        ];
        members.extend(controls(&self.controls));
        members
    }
}

fn controls(controls: &Controls) -> [(&'static str, String); 2] {
    let budgets: Vec<String> = controls.budgets.iter().map(budget).collect();
    [
        ("limits", limits(&controls.limits)),
        ("budgets", format!("[{}]", budgets.join(","))),
    ]
}

fn limits(limits: &RateLimits) -> String {
    let RateLimits {
        rpm,
        tpm,
        parallel,
        burst,
    } = *limits;
    let number = |value: Option<u64>| value.map_or("null".to_owned(), |value| value.to_string());
    object([
        ("rpm", number(rpm.map(u64::from))),
        ("tpm", number(tpm)),
        ("parallel", number(parallel.map(u64::from))),
        ("burst", number(burst.map(u64::from))),
    ])
}

fn budget(budget: &Budget) -> String {
    object([
        ("period", text(budget.period.as_str())),
        ("usd", text(&budget.limit.to_string())),
        ("warn_percent", budget.warn_percent.to_string()),
        ("zone", text(&budget.zone)),
    ])
}

fn time(time: Option<Timestamp>) -> String {
    time.map_or("null".to_owned(), |time| text(&time.to_rfc3339()))
}

fn optional(value: Option<&str>) -> String {
    value.map_or("null".to_owned(), text)
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let items: Vec<String> = items.map(text).collect();
    format!("[{}]", items.join(","))
}

fn object(members: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let members = members.into_iter();
    let members: Vec<String> = members
        .map(|(name, value)| format!("{}:{value}", text(name)))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// A text as JSON writes it (RFC 8259, section 7).
fn text(value: &str) -> String {
    let mut written = String::with_capacity(value.len() + 2);
    written.push('"');
    for letter in value.chars() {
        match letter {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            letter if letter < ' ' => {
                // Writing into a text cannot fail.
                _ = write!(written, "\\u{:04x}", u32::from(letter));
            }
            letter => written.push(letter),
        }
    }
    written.push('"');
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenants::built_in_team;

    #[test]
    fn only_what_differs_is_told_with_its_former_value() {
        let old = built_in_team();
        let mut new = old.clone();
        new.name = "a \"b\"\n\\".into();
        new.controls.limits.rpm = Some(5);
        assert_eq!(
            changed(&old, &new),
            "{\"name\":{\"new\":\"a \\\"b\\\"\\u000a\\\\\",\"old\":\"default\"},\
             \"limits\":{\"new\":{\"rpm\":5,\"tpm\":null,\"parallel\":null,\"burst\":null},\
             \"old\":{\"rpm\":null,\"tpm\":null,\"parallel\":null,\"burst\":null}}}"
        );
        assert_eq!(changed(&old, &old), "{}");
        let renamed = Team {
            name: "b".into(),
            ..built_in_team()
        };
        assert_eq!(
            changed_because(&old, &renamed, Some("a \"c\"")),
            "{\"name\":{\"new\":\"b\",\"old\":\"default\"},\"reason\":{\"new\":\"a \\\"c\\\"\"}}"
        );
        assert_eq!(
            changed_because(&old, &old, Some("why")),
            "{\"reason\":{\"new\":\"why\"}}"
        );
        assert_eq!(changed_because(&old, &old, None), "{}");
        assert!(made(&old).starts_with("{\"organization\":{\"new\":\"default\"},\"name\":"));
    }
}
