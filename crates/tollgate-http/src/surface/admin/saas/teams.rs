//! Teams as seed 001 has them: made with a key and with credits, and told with what they may use.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tollgate_core::error::{Code, Failure};
use tollgate_core::id::TeamId;
use tollgate_core::job::{BudgetMode, CREDITS_SCALE, Terms};
use tollgate_core::ledger::{Holder, WalletId};
use tollgate_core::money::{LARGEST, Unit};
use tollgate_core::offer::{Offer, TeamOffer};
use tollgate_engine::accounts::{Accounts, Decision, OfferChange, TeamChange, TeamEdit, TermsEdit};
use tollgate_engine::authority::Manager;
use tollgate_engine::credits::Correction;
use tollgate_engine::offers::Shelf;
use tollgate_engine::tenants::TeamNode;

use super::super::fields::Fields;
use super::super::teams;
use super::groups::{check_groups, names};
use super::{conflict, missing, worded, wrong};

/// What a team may say of its name.
pub(super) const LONGEST_ALIAS: usize = 100;

/// What is in the wallet of job credits that pays for a team.
pub(super) struct Standing {
    /// What was put into it in all.
    pub(super) allocated: i64,
    /// What is left of it.
    pub(super) remaining: u64,
    /// What was spent, or is set aside for jobs.
    pub(super) used: i64,
}

impl Standing {
    pub(super) async fn of(accounts: &Accounts, node: &TeamNode) -> Result<Self, Failure> {
        let allocated = match node.paying(Unit::Credits) {
            Some(wallet) => accounts.credits().given(wallet.id()).await?,
            None => 0,
        };
        Ok(Self::with(node, allocated))
    }

    /// The same where it is known what each wallet was given.
    pub(super) fn among(given: &HashMap<WalletId, i64>, node: &TeamNode) -> Self {
        let wallet = node.paying(Unit::Credits);
        let allocated = wallet.and_then(|wallet| given.get(&**wallet.id()));
        Self::with(node, allocated.copied().unwrap_or_default())
    }

    fn with(node: &TeamNode, allocated: i64) -> Self {
        let remaining = remaining(node);
        let left = i64::try_from(remaining).unwrap_or(i64::MAX);
        Self {
            allocated,
            remaining,
            used: allocated.saturating_sub(left),
        }
    }
}

/// The job credits that are left to a team: its own, or those of its organization.
pub(super) fn remaining(node: &TeamNode) -> u64 {
    let wallet = node.paying(Unit::Credits);
    wallet.map_or(0, |wallet| wallet.read().available())
}

/// The wallet of a team's own job credits.
pub(super) fn wallet_of(id: &TeamId) -> WalletId {
    WalletId {
        holder: Holder::Team(id.clone()),
        unit: Unit::Credits,
    }
}

/// Credits per dollar as a number.
pub(super) fn rate(terms: &Terms) -> Value {
    let (whole, rest) = (
        terms.credits_per_dollar / CREDITS_SCALE,
        terms.credits_per_dollar % CREDITS_SCALE,
    );
    let number = format!("{whole}.{rest:06}").parse::<f64>();
    number.map_or(Value::Null, Value::from)
}

/// A number with at most six decimals in millionths; `None` where it is not above zero.
pub(super) fn millionths(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || fraction.len() > 6 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = format!("{fraction:0<6}").parse().ok()?;
    let all = whole.checked_mul(CREDITS_SCALE)?.checked_add(fraction)?;
    (all > 0 && all <= LARGEST).then_some(all)
}

/// The modes by which jobs are charged, in one line.
pub(super) fn modes() -> String {
    let modes: Vec<&str> = BudgetMode::ALL
        .iter()
        .copied()
        .map(BudgetMode::as_str)
        .collect();
    modes.join(", ")
}

/// The members that seed 001 has of a team, beside those that it has here.
fn members(
    accounts: &Accounts,
    (node, standing): (&TeamNode, &Standing),
    key: Option<&str>,
) -> Value {
    let shelf = accounts.offers().shelf();
    let nothing = TeamOffer::nothing(&node.id);
    let offer = shelf.team(&node.id).map_or(&nothing, |offer| &**offer);
    let facts = node.facts();
    let terms = facts.job_terms();
    json!({
        "team_id": node.id.as_str(),
        "organization_id": node.organization().id.as_str(),
        "team_alias": &*facts.name,
        "status": facts.status.as_str(),
        "access_groups": offer.groups,
        "model_groups": offer.model_groups,
        "allowed_model_aliases": shelf.allowed_aliases(offer),
        // Only ever its beginning and its end: keys are kept as hashes.
        "virtual_key": key,
        "credits_allocated": standing.allocated,
        "credits_used": standing.used,
        "credits_remaining": standing.remaining,
        "credits": {
            "team_id": node.id.as_str(),
            "credits_allocated": standing.allocated,
            "credits_used": standing.used,
            "credits_remaining": standing.remaining,
        },
        "budget_mode": terms.mode.as_str(),
        "credits_per_dollar": rate(&terms),
        "tokens_per_credit": terms.tokens_per_credit,
        "default_model": terms.default_model.as_deref(),
        "updated_at": facts.updated_at.unwrap_or(facts.created_at).to_rfc3339(),
    })
}

/// A team in both shapes.
pub(super) async fn told(
    accounts: &Accounts,
    node: &TeamNode,
    key: Option<&str>,
) -> Result<Value, Failure> {
    let standing = Standing::of(accounts, node).await?;
    Ok(both(accounts, (node, &standing), key))
}

fn both(accounts: &Accounts, of: (&TeamNode, &Standing), key: Option<&str>) -> Value {
    let mut row = teams::row(accounts, of.0);
    if let (Value::Object(row), Value::Object(members)) = (&mut row, members(accounts, of, key)) {
        row.extend(members);
    }
    row
}

/// `GET /api/teams`: every team that the manager may see, with the beginning and the end of the
/// oldest of its keys.
pub(in super::super) async fn all(
    accounts: &Accounts,
    by: &Manager,
) -> Result<(u16, Value), Failure> {
    let nodes = accounts.teams(by, None)?;
    let given = accounts.credits().given_to_all().await?;
    // A manager who sees teams need not see keys.
    let keys = accounts.keys(by, |entry| entry.key().revoked_at.is_none());
    let mut shown: HashMap<TeamId, String> = HashMap::new();
    for entry in keys.unwrap_or_default() {
        let team = entry.team().id.clone();
        shown.entry(team).or_insert_with(|| entry.key().masked());
    }
    let rows = nodes.iter().map(|node| {
        let standing = Standing::among(&given, node);
        let key = shown.get(&node.id).map(String::as_str);
        both(accounts, (node, &standing), key)
    });
    Ok((200, rows.collect()))
}

/// The same for a manager, with the beginning and the end of one of its keys.
pub(in super::super) async fn one(
    accounts: &Accounts,
    by: &Manager,
    id: &str,
) -> Result<(u16, Value), Failure> {
    let node = find(accounts, by, id)?;
    Ok((200, told_to(accounts, by, &node).await?))
}

/// The same after something was done.
pub(in super::super) async fn done(
    accounts: &Accounts,
    by: &Manager,
    (node, message): (&TeamNode, String),
) -> Result<(u16, Value), Failure> {
    let mut row = told_to(accounts, by, node).await?;
    if let Value::Object(row) = &mut row {
        row.insert("message".to_owned(), message.into());
    }
    Ok((200, row))
}

async fn told_to(accounts: &Accounts, by: &Manager, node: &TeamNode) -> Result<Value, Failure> {
    // A manager who sees teams need not see keys.
    let keys = accounts.keys(by, |entry| {
        entry.team().id == node.id && entry.key().revoked_at.is_none()
    });
    let key = keys
        .ok()
        .and_then(|keys| keys.first().map(|entry| entry.key().masked()));
    told(accounts, node, key.as_deref()).await
}

/// Takes the terms of jobs.
pub(in super::super) fn terms(fields: &mut Fields) -> TermsEdit {
    let mut edit = TermsEdit::default();
    if let Some(word) = fields.text("budget_mode", 64) {
        edit.mode = BudgetMode::from_name(&word);
        if edit.mode.is_none() {
            let modes = modes();
            let said = format!("Invalid budget_mode: {word}. Must be one of: {modes}");
            fields.fault_saying("budget_mode", "value_error", said);
        }
    }
    if let Some(text) = fields.decimal("credits_per_dollar") {
        edit.credits_per_dollar = millionths(&text);
        if edit.credits_per_dollar.is_none() {
            let what = "must be a number above 0 with at most six decimals";
            fields.fault("credits_per_dollar", "value_error", what);
        }
    }
    edit.tokens_per_credit = fields.integer("tokens_per_credit", 1..=LARGEST);
    if fields.names("default_model") {
        edit.default_model = Some(fields.text("default_model", 256).map(Into::into));
    }
    edit
}

/// `PUT /api/teams/{team}/access-groups`: an array of names, in place of those that it has.
pub(super) async fn set_groups(
    accounts: &Accounts,
    by: &Manager,
    (id, body): (&str, &[u8]),
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read_list(body, "access_groups")?;
    if !fields.names("access_groups") {
        fields.fault("access_groups", "missing", "is missing");
    }
    let groups = names(&mut fields, "access_groups");
    fields.finish_leniently()?;
    let node = find(accounts, by, id)?;
    regive(accounts, by, &node, |shelf, offer| {
        check_groups(shelf, &groups)?;
        offer.groups = groups;
        Ok(())
    })
    .await?;
    let message = format!("Access groups of team '{id}' updated successfully");
    done(accounts, by, (&node, message)).await
}

/// `PUT /api/teams/{team}/model-groups`: the same of model groups.
pub(super) async fn set_model_groups(
    accounts: &Accounts,
    by: &Manager,
    (id, body): (&str, &[u8]),
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read_list(body, "model_groups")?;
    if !fields.names("model_groups") {
        fields.fault("model_groups", "missing", "is missing");
    }
    let groups = names(&mut fields, "model_groups");
    fields.finish_leniently()?;
    let node = find(accounts, by, id)?;
    regive(accounts, by, &node, |shelf, offer| {
        let mut unknown = groups
            .iter()
            .filter(|name| !shelf.model_groups.contains_key(*name));
        if let Some(name) = unknown.next() {
            return Err(missing(
                "model_group",
                format!("Model group '{name}' not found"),
            ));
        }
        offer.model_groups = groups;
        Ok(())
    })
    .await?;
    let message = format!("Model groups of team '{id}' updated successfully");
    done(accounts, by, (&node, message)).await
}

/// Changes what a team was given. Its name stands in the audit log.
pub(super) async fn regive(
    accounts: &Accounts,
    by: &Manager,
    node: &TeamNode,
    change: impl FnOnce(&Shelf, &mut TeamOffer) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let decide = |shelf: &Shelf| {
        let old = offer_of(shelf, &node.id);
        let mut new = old.clone();
        change(shelf, &mut new)?;
        let told = super::difference(&offer_row(&old), &offer_row(&new));
        let changes = if old == new {
            Vec::new()
        } else {
            vec![OfferChange::Put(Offer::Team(new))]
        };
        Ok(Decision { changes, told })
    };
    let action = ("team.offer", node.id.as_str());
    accounts
        .change_offers(by, action, Some(&node.organization().id), decide)
        .await
}

pub(super) fn offer_row(offer: &TeamOffer) -> Value {
    let refill = offer.refill.as_ref().map(|refill| {
        json!({
            "enabled": refill.enabled,
            "amount": refill.amount,
            "period": refill.every.as_str(),
        })
    });
    json!({
        "access_groups": offer.groups,
        "model_groups": offer.model_groups,
        "refill": refill,
    })
}

/// Takes the name of a team as seed 001 calls it.
pub(in super::super) fn alias(fields: &mut Fields) -> Option<Box<str>> {
    fields.text("team_alias", LONGEST_ALIAS).map(Into::into)
}

/// What a change of a team says beside what is the team's own to decide.
pub(in super::super) struct Given {
    terms: TermsEdit,
    groups: Option<Vec<Box<str>>>,
    credits: Correction,
}

impl Given {
    pub(in super::super) fn read(fields: &mut Fields) -> Self {
        let groups = fields
            .names("access_groups")
            .then(|| names(fields, "access_groups"));
        let credits = Correction {
            given: fields.integer("credits_allocated", 0..=LARGEST),
            used: fields.integer("credits_used", 0..=LARGEST),
        };
        Self {
            terms: terms(fields),
            groups,
            credits,
        }
    }

    fn is_empty(&self) -> bool {
        self.terms == TermsEdit::default()
            && self.groups.is_none()
            && self.credits == Correction::default()
    }
}

/// `PUT /api/teams/{team}`. What a team is given, and what it costs, the platform decides.
pub(in super::super) async fn change(
    accounts: &Accounts,
    by: &Manager,
    (id, mut edit): (&str, TeamEdit),
    given: Given,
) -> Result<(u16, Value), Failure> {
    let node = find(accounts, by, id)?;
    if !given.is_empty() && !by.is_platform() {
        return Err(Failure::client(Code::PermissionDenied).message(
            "The credits, the access groups and the terms of jobs of a team are set by the \
             platform's administrator.",
        ));
    }
    edit.job_terms = given.terms;
    let decide = |shelf: &Shelf| {
        let offer = match given.groups {
            None => None,
            Some(groups) => {
                check_groups(shelf, &groups)?;
                let old = offer_of(shelf, &node.id);
                let new = TeamOffer {
                    groups,
                    ..old.clone()
                };
                let told = super::difference(&offer_row(&old), &offer_row(&new));
                (old != new).then_some((new, told))
            }
        };
        Ok(TeamChange {
            edit,
            offer,
            credits: given.credits,
        })
    };
    accounts.change_whole_team(by, id, decide).await?;
    let message = format!("Team '{id}' updated successfully");
    done(accounts, by, (&node, message)).await
}

/// What a team was given.
fn offer_of(shelf: &Shelf, id: &TeamId) -> TeamOffer {
    let known = shelf.team(id).map(|offer| TeamOffer::clone(offer));
    known.unwrap_or_else(|| TeamOffer::nothing(id))
}

/// The team of this id, in the words of seed 001 where there is none.
pub(in super::super) fn find(
    accounts: &Accounts,
    by: &Manager,
    id: &str,
) -> Result<Arc<TeamNode>, Failure> {
    let absent = || format!("Team '{id}' not found");
    accounts
        .team(by, id)
        .map_err(|failure| worded(failure, "team", absent))
}

/// `DELETE /api/teams/{team}`.
pub(in super::super) async fn delete(
    accounts: &Accounts,
    by: &Manager,
    id: &str,
) -> Result<(u16, Value), Failure> {
    find(accounts, by, id)?;
    if id.ends_with("_default") {
        return Err(wrong(format!(
            "Cannot delete default team '{id}'. Default teams are protected from deletion."
        )));
    }
    accounts.delete_team(by, id).await?;
    let message = format!("Team '{id}' deleted successfully");
    Ok((200, json!({"team_id": id, "message": message})))
}

pub(super) fn taken(id: &str) -> Failure {
    conflict("team", format!("Team '{id}' already exists"))
}
