//! `/api/credits/teams/{team}/…` as seed 001 has it: whole job credits, how they are charged, and
//! how they come again.

use http::Method;
use serde_json::{Value, json};
use tollgate_core::error::Failure;
use tollgate_core::id::TeamId;
use tollgate_core::job::{BudgetMode, Terms};
use tollgate_core::ledger::{Holder, reserved};
use tollgate_core::money::{LARGEST, Money, Unit};
use tollgate_core::time::Timestamp;
use tollgate_engine::accounts::{Accounts, TeamEdit, TermsEdit};
use tollgate_engine::authority::Manager;
use tollgate_engine::credits::{By, LONGEST_REASON, Note, Receipt};
use tollgate_engine::tenants::TeamNode;

use super::super::credits::{self as ours, Books, Of};
use super::super::fields::Fields;
use super::super::page::{self, Page};
use super::teams::{Standing, find, millionths, modes, rate, remaining, wallet_of};
use super::{Asked, refill, worded, wrong};
use crate::gateway::Gateway;
use crate::query::Query;
use crate::routes::saas::Act;

/// The most transactions of an answer where nothing is said.
const USUAL: u64 = 50;
/// What the reasons of payments begin with, by which they are told from other credits.
const SUBSCRIPTION: &str = "Subscription payment";
const ONE_TIME: &str = "One-time payment";

/// Does what is asked for.
pub(super) async fn act(
    accounts: &Accounts,
    by: &Manager,
    (id, act): (&str, Act),
    asked: &Asked<'_>,
) -> Result<(u16, Value), Failure> {
    let node = find(accounts, by, id)?;
    match act {
        Act::Check => Ok((200, check(accounts, &node, asked.query).await?)),
        Act::Rates if *asked.method == Method::PATCH => {
            let terms = rates_of(&asked.body)?;
            set_terms(accounts, by, (&node, terms)).await?;
            Ok((200, rates(&node)))
        }
        Act::Rates => Ok((200, rates(&node))),
        Act::Mode => set_mode(accounts, by, (&node, &asked.body)).await,
        Act::Replenish => replenish(accounts, by, (&node, asked)).await,
        Act::AutoRefill => refill::configure(accounts, by, (&node, &asked.body)).await,
    }
}

/// `POST …/check?credits_needed=1`: whether there are enough. Never refuses.
pub(super) async fn check(
    accounts: &Accounts,
    node: &TeamNode,
    query: Query<'_>,
) -> Result<Value, Failure> {
    let needed = match query.first("credits_needed") {
        None => 1,
        Some(text) => text
            .parse::<u64>()
            .map_err(|_| page::fault("credits_needed", "must be an integer of 0 or more"))?,
    };
    let (team, left) = (node.id.as_str(), remaining(node));
    if left >= needed {
        return Ok(json!({
            "team_id": team,
            "has_credits": true,
            "credits_remaining": left,
            "credits_needed": needed,
        }));
    }
    let Standing {
        allocated, used, ..
    } = Standing::of(accounts, node).await?;
    let error = format!(
        "Insufficient credits. Team has {left} credits remaining, but {needed} required. \
         Allocated: {allocated}, Used: {used}"
    );
    Ok(json!({
        "team_id": team,
        "has_credits": false,
        "error": error,
        "credits_remaining": left,
        "credits_needed": needed,
    }))
}

/// The balance that a team's own key is shown.
pub(super) async fn balance(
    gateway: &Gateway,
    node: &TeamNode,
    query: Query<'_>,
) -> Result<Value, Failure> {
    let accounts = &*gateway.engine.accounts;
    let books = Books {
        accounts,
        billing: &gateway.engine.billing(),
    };
    let (_, mut body) = ours::balance_of(books, &Of::team(node.id.as_str()), query)?;
    merge(accounts, node, &mut body).await?;
    Ok(body)
}

/// The failure of a balance that is nobody's, in the words of seed 001.
pub(in super::super) fn no_account(failure: Failure, of: &Of) -> Failure {
    match of.wallet(Unit::Credits).holder {
        Holder::Team(id) => worded(failure, "team", || {
            format!("No credit account found for team '{id}'")
        }),
        Holder::Organization(_) => failure,
    }
}

/// The failure of an order for nobody, in the words of seed 001.
pub(in super::super) fn no_team(failure: Failure, of: &Of) -> Failure {
    match of.wallet(Unit::Credits).holder {
        Holder::Team(id) => worded(failure, "team", || format!("Team '{id}' not found")),
        Holder::Organization(_) => failure,
    }
}

/// Adds what seed 001 has of a balance.
pub(in super::super) async fn merge_balance(
    accounts: &Accounts,
    of: &Of,
    body: &mut Value,
) -> Result<(), Failure> {
    let wallet = of.wallet(Unit::Credits);
    let Holder::Team(id) = &wallet.holder else {
        return Ok(());
    };
    match accounts.tenants().team(id) {
        Some(node) => merge(accounts, &node, body).await,
        None => Ok(()),
    }
}

async fn merge(accounts: &Accounts, node: &TeamNode, body: &mut Value) -> Result<(), Failure> {
    let Standing {
        allocated,
        remaining,
        used,
    } = Standing::of(accounts, node).await?;
    let shelf = accounts.offers().shelf();
    let refill = shelf.team(&node.id).and_then(|offer| offer.refill.as_ref());
    let facts = node.facts();
    let terms = facts.job_terms();
    let told = json!({
        "team_id": node.id.as_str(),
        "organization_id": node.organization().id.as_str(),
        "credits_allocated": allocated,
        "credits_used": used,
        "credits_remaining": remaining,
        // There is no limit but what was given.
        "credit_limit": Value::Null,
        "auto_refill": refill.is_some_and(|refill| refill.enabled),
        "refill_amount": refill.map(|refill| refill.amount),
        "refill_period": refill.map(|refill| refill.every.as_str()),
        "last_refill_at": refill.and_then(|refill| refill.last_at).map(Timestamp::to_rfc3339),
        "budget_mode": terms.mode.as_str(),
        "credits_per_dollar": rate(&terms),
        "tokens_per_credit": terms.tokens_per_credit,
        "cost_markup_percentage": 0.0,
        "status": facts.status.as_str(),
        "created_at": facts.created_at.to_rfc3339(),
        "updated_at": facts.updated_at.unwrap_or(facts.created_at).to_rfc3339(),
    });
    if let (Value::Object(body), Value::Object(told)) = (body, told) {
        body.extend(told);
    }
    Ok(())
}

/// `GET …/transactions`: those of a team's job credits, the latest first, in both shapes. Whoever
/// names no unit is shown these, with the team's own key and with the admin key alike.
pub(in super::super) async fn transactions(
    accounts: &Accounts,
    team: &TeamId,
    query: Query<'_>,
) -> Result<Value, Failure> {
    let mut page = Page::read(query)?;
    if query.first("limit").is_none() {
        page.limit = USUAL;
    }
    let (credits, wallet) = (accounts.credits(), wallet_of(team));
    credits.balance(&wallet)?;
    let limit = u32::try_from(page.limit).unwrap_or(u32::MAX);
    // One more than wanted tells whether there are more.
    let rows = credits.statement(&wallet, page.offset, limit.saturating_add(1));
    let mut rows = rows.await?;
    let shown = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > shown;
    rows.truncate(shown);
    let rows: Vec<Value> = rows
        .iter()
        .map(|(receipt, after)| transaction(accounts, receipt, Some(*after)))
        .collect();
    Ok(json!({
        "team_id": team.as_str(),
        "total": rows.len(),
        "transactions": rows,
        "pagination": {"limit": page.limit, "offset": page.offset, "hasMore": has_more},
    }))
}

/// A transaction, with the balances before and after it where they are known.
fn transaction(accounts: &Accounts, receipt: &Receipt, after: Option<i64>) -> Value {
    let mut row = ours::transaction(receipt);
    let node = match &receipt.wallet.holder {
        Holder::Team(id) => accounts.tenants().team(id),
        Holder::Organization(_) => None,
    };
    let told = json!({
        "transaction_id": receipt.id.to_string(),
        "team_id": node.as_ref().map(|node| node.id.as_str()),
        "organization_id": node.as_ref().map(|node| node.organization().id.as_str()),
        "job_id": job_of(receipt),
        "transaction_type": word(receipt),
        "credits_amount": receipt.amount,
        "credits_before": after.map(|after| after.saturating_sub(receipt.amount)),
        "credits_after": after,
        "reason": &*receipt.reason,
        "created_at": receipt.at.to_rfc3339(),
    });
    if let (Value::Object(row), Value::Object(told)) = (&mut row, told) {
        row.extend(told);
    }
    row
}

/// The word of seed 001 for a kind of transaction. What is set aside for a job has none there.
fn word(receipt: &Receipt) -> &str {
    match &*receipt.kind {
        "top_up" if receipt.reason.starts_with(SUBSCRIPTION) => "subscription_payment",
        "top_up" if receipt.reason.starts_with(ONE_TIME) => "one_time_payment",
        "adjustment" if receipt.amount < 0 => "deduction",
        "top_up" | "adjustment" => "allocation",
        "spend" => "deduction",
        kind => kind,
    }
}

/// The job of which a transaction is.
fn job_of(receipt: &Receipt) -> Option<String> {
    let (job, _) = reserved::job(receipt.reference.as_deref()?)?;
    Some(job.to_string())
}

/// Adds what seed 001 has of an order that put credits into a team's wallet.
pub(in super::super) async fn merge_order(
    accounts: &Accounts,
    receipt: &Receipt,
    body: &mut Value,
) {
    let Holder::Team(team) = &receipt.wallet.holder else {
        return;
    };
    if receipt.wallet.unit != Unit::Credits {
        return;
    }
    let told = told_order(accounts, receipt).await;
    if let Value::Object(body) = body {
        body.insert("team_id".to_owned(), team.as_str().into());
        body.insert("credits_added".to_owned(), receipt.amount.into());
        body.insert("transaction".to_owned(), told);
    }
}

/// The transaction of an order, with the balances before and after it. The order is carried out,
/// so that what cannot be read is left out: who is told of a failure would order once more.
async fn told_order(accounts: &Accounts, receipt: &Receipt) -> Value {
    let after = accounts.credits().balance_after(receipt).await;
    let after = after.unwrap_or_else(|failure| {
        tracing::warn!(%failure, entry = %receipt.id, "the balance after an order cannot be read");
        None
    });
    transaction(accounts, receipt, after)
}

fn rates(node: &TeamNode) -> Value {
    let facts = node.facts();
    let (terms, usual) = (facts.job_terms(), Terms::default());
    json!({
        "team_id": node.id.as_str(),
        "tokens_per_credit": terms.tokens_per_credit,
        "credits_per_dollar": rate(&terms),
        "budget_mode": terms.mode.as_str(),
        "using_defaults": {
            "tokens_per_credit": terms.tokens_per_credit == usual.tokens_per_credit,
            "credits_per_dollar": terms.credits_per_dollar == usual.credits_per_dollar,
        },
    })
}

/// Reads rates. The server of seed 001 says of each what it must be.
fn read_rates(fields: &mut Fields) -> Result<TermsEdit, Failure> {
    let mut edit = TermsEdit::default();
    if let Some(text) = fields.decimal("tokens_per_credit") {
        let number = text.parse::<u64>().ok();
        let number = number.filter(|number| (1..=LARGEST).contains(number));
        let bad = || wrong("tokens_per_credit must be a positive integer");
        edit.tokens_per_credit = Some(number.ok_or_else(bad)?);
    }
    if let Some(text) = fields.decimal("credits_per_dollar") {
        let bad = || wrong("credits_per_dollar must be a positive number");
        edit.credits_per_dollar = Some(millionths(&text).ok_or_else(bad)?);
    }
    Ok(edit)
}

fn rates_of(body: &[u8]) -> Result<TermsEdit, Failure> {
    let mut fields = Fields::read(body)?;
    let edit = read_rates(&mut fields);
    fields.finish_leniently()?;
    edit
}

async fn set_terms(
    accounts: &Accounts,
    by: &Manager,
    (node, job_terms): (&TeamNode, TermsEdit),
) -> Result<(), Failure> {
    let edit = TeamEdit {
        job_terms,
        ..TeamEdit::default()
    };
    accounts.change_team(by, node.id.as_str(), &edit).await?;
    Ok(())
}

/// `PATCH …/budget-mode`.
async fn set_mode(
    accounts: &Accounts,
    by: &Manager,
    (node, body): (&TeamNode, &[u8]),
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let word = fields.required_text("budget_mode", 64);
    let edit = read_rates(&mut fields);
    fields.finish_leniently()?;
    let mode = BudgetMode::from_name(&word.unwrap_or_default());
    let unknown = || wrong(format!("budget_mode must be one of: {}", modes()));
    let edit = TermsEdit {
        mode: Some(mode.ok_or_else(unknown)?),
        ..edit?
    };
    set_terms(accounts, by, (node, edit)).await?;
    let terms = node.facts().job_terms();
    let body = json!({
        "team_id": node.id.as_str(),
        "budget_mode": terms.mode.as_str(),
        "credits_per_dollar": rate(&terms),
        "tokens_per_credit": terms.tokens_per_credit,
        "message": format!("Budget mode updated to '{}'", terms.mode.as_str()),
    });
    Ok((200, body))
}

/// `POST …/replenish`: credits that were paid for.
async fn replenish(
    accounts: &Accounts,
    by: &Manager,
    (node, asked): (&TeamNode, &Asked<'_>),
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(&asked.body)?;
    let credits = fields.required_decimal("credits");
    let kind = fields.required_text("payment_type", 64);
    let paid = fields.decimal("payment_amount_usd");
    let reason = fields.text("reason", LONGEST_REASON - 100);
    let reference = ours::key_as_reference(&mut fields, asked.key.clone());
    fields.finish_leniently()?;
    let kind = kind.unwrap_or_default();
    let begin = match &*kind {
        "subscription" => SUBSCRIPTION,
        "one_time" => ONE_TIME,
        _ => return Err(wrong("payment_type must be 'subscription' or 'one_time'")),
    };
    let credits = credits.and_then(|text| text.parse::<u64>().ok());
    let credits = credits.filter(|credits| (1..=LARGEST).contains(credits));
    let credits = credits.ok_or_else(|| wrong("credits must be a positive integer"))?;
    let amount = paid.as_deref().map(|text| {
        Money::parse(text).ok_or_else(|| wrong("payment_amount_usd must be an amount in USD"))
    });
    let amount = amount.transpose()?;
    let mut said = begin.to_owned();
    if let Some(amount) = amount {
        said.extend([" of $", &amount.to_string()]);
    }
    if let Some(reason) = reason {
        said.push_str(": ");
        said.push_str(&reason);
    }
    let order = Note {
        reference,
        reason: said.into(),
        by: Some(By::manager(by)),
    };
    let wallet = wallet_of(&node.id);
    let receipt = accounts.credits().top_up(&wallet, credits, order).await?;
    let told = told_order(accounts, &receipt).await;
    let body = json!({
        "team_id": node.id.as_str(),
        "credits_added": credits,
        "credits_before": told.get("credits_before"),
        "credits_after": told.get("credits_after"),
        "payment_type": kind,
        "payment_amount_usd": paid.and_then(|text| text.parse::<f64>().ok()),
        "transaction": told,
    });
    Ok((200, body))
}
