//! `/api/credits/…`: adds credits, sets balances right, refunds calls, and tells balances and
//! transactions. Each function gives the status and the body of its answer.

use serde_json::{Map, Value, json};
use tollgate_core::error::Failure;
use tollgate_core::id::{OrgId, TeamId};
use tollgate_core::ledger::{EntryId, Holder, WalletId, reserved};
use tollgate_core::money::{LARGEST, Money, Unit};
use tollgate_engine::accounts::Accounts;
use tollgate_engine::authority::Manager;
use tollgate_engine::credits::{By, LONGEST_REASON, LONGEST_REFERENCE, Note, Receipt};
use tollgate_engine::hold::Billing;

use super::fields::Fields;
use super::page::{self, Page};
use super::saas;
use crate::query::Query;
use crate::routes::credits::{Deed, Purse};

/// Whose credits they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Of(Holder);

/// Where balances are, and what is low.
#[derive(Clone, Copy)]
pub struct Books<'a> {
    /// Organizations and teams with their wallets.
    pub accounts: &'a Accounts,
    /// What calls are charged by.
    pub billing: &'a Billing,
}

impl Of {
    /// Those of a team.
    pub fn team(id: &str) -> Self {
        Self(Holder::Team(TeamId::from_stored(id)))
    }

    /// Those of an organization.
    pub fn organization(id: &str) -> Self {
        Self(Holder::Organization(OrgId::from_stored(id)))
    }

    pub(super) fn purse(purse: Purse<'_>) -> Result<Self, Failure> {
        Ok(match purse {
            Purse::Team(id) => Self::team(&super::named(id)?),
            Purse::Organization(id) => Self::organization(&super::named(id)?),
        })
    }

    pub(super) fn wallet(&self, unit: Unit) -> WalletId {
        WalletId {
            holder: self.0.clone(),
            unit,
        }
    }
}

/// An order as it came.
#[derive(Clone, Debug, Default)]
pub struct Asked<'a> {
    /// The body.
    pub body: &'a [u8],
    /// The reference of an order that names none.
    pub key: Option<Box<str>>,
}

/// Does what the endpoint says, with the query or the order that came.
pub(super) async fn act(
    books: Books<'_>,
    by: &Manager,
    (of, deed): (&Of, Deed),
    (query, asked): (Option<&str>, Asked<'_>),
) -> Result<(u16, Value), Failure> {
    match deed {
        Deed::Add => add(books, by, of, asked).await,
        Deed::Adjust => adjust(books, by, of, asked).await,
        Deed::Refund => refund(books, by, of, asked).await,
        Deed::Balance => {
            let told = balance(books, of, query);
            let (status, mut body) = told.map_err(|failure| saas::no_account(failure, of))?;
            saas::merge_balance(books.accounts, of, &mut body).await?;
            Ok((status, body))
        }
        Deed::Transactions => {
            let told = told_transactions(books, of, query).await;
            told.map_err(|failure| saas::no_account(failure, of))
        }
    }
}

/// Why job credits come where nobody says so, in the words of seed 001.
const UNSAID: &str = "Manual credit allocation";

/// `POST …/add`: adds credits that were paid for.
pub async fn add(
    books: Books<'_>,
    by: &Manager,
    of: &Of,
    asked: Asked<'_>,
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(asked.body)?;
    let (unit, amount) = amount(&mut fields);
    let mut note = note(&mut fields, by, asked.key);
    fields.finish()?;
    if unit == Unit::Credits && note.reason.is_empty() {
        note.reason = UNSAID.into();
    }
    let credits = books.accounts.credits();
    let added = credits.top_up(&of.wallet(unit), amount, note).await;
    let receipt = added.map_err(|failure| saas::no_team(failure, of))?;
    let (status, mut body) = done(books, &receipt)?;
    saas::merge_order(books.accounts, &receipt, &mut body).await;
    Ok((status, body))
}

/// `POST …/adjust`: sets a balance right, by adding to it or taking from it.
pub async fn adjust(
    books: Books<'_>,
    by: &Manager,
    of: &Of,
    asked: Asked<'_>,
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(asked.body)?;
    let (unit, amount) = amount(&mut fields);
    let takes = match fields.required_text("direction", 8).as_deref() {
        Some("take") => true,
        Some("add") | None => false,
        Some(_) => {
            fields.fault("direction", "value_error", "must be add or take");
            false
        }
    };
    let note = note(&mut fields, by, asked.key);
    fields.finish()?;
    let (credits, wallet) = (books.accounts.credits(), of.wallet(unit));
    let receipt = if takes {
        credits.take(&wallet, amount, note).await?
    } else {
        credits.add(&wallet, amount, note).await?
    };
    done(books, &receipt)
}

/// `POST …/refund`: gives back what a call cost, or a part of it.
pub async fn refund(
    books: Books<'_>,
    by: &Manager,
    of: &Of,
    asked: Asked<'_>,
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(asked.body)?;
    let text = fields.required_text("settlement", 64);
    let settlement = text.as_deref().and_then(EntryId::parse);
    if text.is_some() && settlement.is_none() {
        let what = "must be the id of a settlement: le_ and 32 hexadecimal digits";
        fields.fault("settlement", "value_error", what);
    }
    let amount = usd(&mut fields);
    let note = note(&mut fields, by, asked.key);
    fields.finish()?;
    // A missing id has been a fault.
    let settlement = settlement.unwrap_or(EntryId::from_bits(0));
    let (credits, wallet) = (books.accounts.credits(), of.wallet(Unit::Usd));
    let receipt = credits.refund(&wallet, settlement, amount, note).await?;
    done(books, &receipt)
}

/// `GET …/balance`: what is there now, in USD or in the `unit` of the query.
pub fn balance(books: Books<'_>, of: &Of, query: Option<&str>) -> Result<(u16, Value), Failure> {
    balance_of(books, of, Query::new(query))
}

pub(super) fn balance_of(
    books: Books<'_>,
    of: &Of,
    query: Query<'_>,
) -> Result<(u16, Value), Failure> {
    let unit = unit(query)?;
    Ok((200, Value::Object(standing(books, &of.wallet(unit))?)))
}

/// Those of a team's job credits, as seed 001 has them, unless a unit is named.
async fn told_transactions(
    books: Books<'_>,
    of: &Of,
    query: Option<&str>,
) -> Result<(u16, Value), Failure> {
    let asked = Query::new(query);
    match &of.0 {
        Holder::Team(team) if page::text(asked, "unit").is_none() => {
            let told = saas::transactions(books.accounts, team, asked).await?;
            Ok((200, told))
        }
        Holder::Team(_) | Holder::Organization(_) => transactions(books, of, query).await,
    }
}

/// `GET …/transactions?unit`: what operators did, the latest first. Calls are not among them.
pub async fn transactions(
    books: Books<'_>,
    of: &Of,
    query: Option<&str>,
) -> Result<(u16, Value), Failure> {
    let query = Query::new(query);
    let (page, unit) = (Page::read(query)?, unit(query)?);
    let (credits, wallet) = (books.accounts.credits(), of.wallet(unit));
    credits.balance(&wallet)?;
    let limit = u32::try_from(page.limit).unwrap_or(u32::MAX);
    // One more than wanted tells whether there are more.
    let rows = credits.transactions(&wallet, page.offset, limit.saturating_add(1));
    let mut rows: Vec<Value> = rows.await?.iter().map(transaction).collect();
    let shown = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > shown;
    rows.truncate(shown);
    let body = json!({
        "transactions": rows,
        "pagination": {"limit": page.limit, "offset": page.offset, "hasMore": has_more},
    });
    Ok((200, body))
}

fn done(books: Books<'_>, receipt: &Receipt) -> Result<(u16, Value), Failure> {
    let mut body = Map::new();
    body.insert("transaction".to_owned(), transaction(receipt));
    body.extend(standing(books, &receipt.wallet)?);
    Ok((200, Value::Object(body)))
}

/// What is in a wallet.
fn standing(books: Books<'_>, wallet: &WalletId) -> Result<Map<String, Value>, Failure> {
    let (reading, is_open) = books.accounts.credits().balance(wallet)?;
    let (holder, id) = holder(wallet);
    let billing = books.billing;
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put(holder, id.into());
    put("unit", wallet.unit.as_str().into());
    match wallet.unit {
        Unit::Usd => {
            let usd = |nano| Value::from(Money::from_nano(nano).to_string());
            put("balance_usd", usd(reading.balance));
            put("held_usd", usd(reading.held));
            put("available_usd", usd(reading.available()));
            put("minimum_usd", billing.minimum.to_string().into());
            let is_low = is_open && Money::from_nano(reading.balance) < billing.low;
            put("low", is_low.into());
        }
        Unit::Credits => {
            put("balance", reading.balance.into());
            put("held", reading.held.into());
            put("available", reading.available().into());
        }
    }
    // A wallet that was never given anything pays for nothing: its calls are only counted, or
    // the organization pays.
    put("pays", is_open.into());
    Ok(body)
}

/// A transaction as the API tells it.
pub(crate) fn transaction(receipt: &Receipt) -> Value {
    let (holder, id) = holder(&receipt.wallet);
    let amount = match receipt.wallet.unit {
        Unit::Usd => {
            let sign = if receipt.amount < 0 { "-" } else { "" };
            let usd = Money::from_nano(receipt.amount.unsigned_abs());
            ("amount_usd", format!("{sign}{usd}").into())
        }
        Unit::Credits => ("credits", Value::from(receipt.amount)),
    };
    let members = [
        ("id", receipt.id.to_string().into()),
        ("at", receipt.at.to_rfc3339().into()),
        (holder, id.into()),
        ("kind", (&*receipt.kind).into()),
        amount,
        ("of", receipt.of.map(|of| of.to_string()).into()),
        ("reference", receipt.reference.as_deref().into()),
        ("reason", (&*receipt.reason).into()),
    ];
    let members = members.map(|(name, value)| (name.to_owned(), value));
    Value::Object(members.into_iter().collect())
}

fn holder(wallet: &WalletId) -> (&'static str, &str) {
    match &wallet.holder {
        Holder::Team(id) => ("team", id.as_str()),
        Holder::Organization(id) => ("organization", id.as_str()),
    }
}

/// Takes `amount_usd` or `credits`, one of which has to be there.
fn amount(fields: &mut Fields) -> (Unit, u64) {
    if fields.names("amount_usd") && fields.names("credits") {
        let what = "cannot be given together with `amount_usd`";
        fields.fault("credits", "value_error", what);
    }
    if fields.names("credits") {
        fields.skip("amount_usd");
        let credits = fields.integer("credits", 1..=LARGEST);
        return (Unit::Credits, credits.unwrap_or_default());
    }
    if !fields.names("amount_usd") {
        fields.fault("amount_usd", "missing", "is missing (or `credits`)");
        fields.skip("credits");
    }
    (Unit::Usd, usd(fields).unwrap_or_default())
}

/// Takes `amount_usd`, in nano-USD.
fn usd(fields: &mut Fields) -> Option<u64> {
    let text = fields.text("amount_usd", 32)?;
    let amount = Money::parse(&text).filter(|amount| *amount > Money::ZERO);
    if amount.is_none() {
        let what = "must be an amount in USD above 0 and up to 10000000 with at most nine \
                    decimals, as a text: \"10.00\"";
        fields.fault("amount_usd", "value_error", what);
    }
    amount.map(Money::as_nano)
}

fn note(fields: &mut Fields, by: &Manager, key: Option<Box<str>>) -> Note {
    let reference = match fields.text("reference", LONGEST_REFERENCE) {
        Some(named) => is_free(fields, "reference", &named).then(|| named.into()),
        None => key_as_reference(fields, key),
    };
    let reason = fields.text("reason", LONGEST_REASON);
    Note {
        reference,
        reason: reason.unwrap_or_default().into(),
        by: Some(By::manager(by)),
    }
}

/// The idempotency key as the reference of an order that names none.
pub(super) fn key_as_reference(fields: &mut Fields, key: Option<Box<str>>) -> Option<Box<str>> {
    key.filter(|key| is_free(fields, "Idempotency-Key", key))
}

/// Whether an order may have a reference; it is a fault where the gateway's own have such ones.
fn is_free(fields: &mut Fields, path: &str, reference: &str) -> bool {
    let is_reserved = reserved::is_reserved(reference);
    if is_reserved {
        fields.fault(path, "value_error", reserved::REFUSED);
    }
    !is_reserved
}

fn unit(query: Query<'_>) -> Result<Unit, Failure> {
    let Some(word) = page::text(query, "unit") else {
        return Ok(Unit::Usd);
    };
    Unit::from_name(&word).ok_or_else(|| page::fault("unit", "must be usd or credits"))
}

#[cfg(test)]
mod tests;
