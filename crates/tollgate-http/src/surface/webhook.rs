//! `POST /api/webhooks/credits`: whoever takes payments tells that credits were paid for. There is
//! no such route without a secret (`[billing] webhook_secret`).

use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http::request::Parts;
use serde::Deserialize;
use serde_json::json;
use tollgate_core::error::{Code, Failure, FieldProblem};
use tollgate_core::id::{OrgId, TeamId};
use tollgate_core::ledger::{Holder, WalletId, reserved};
use tollgate_core::money::{LARGEST, Money, Unit};
use tollgate_core::secret::Secret;
use tollgate_core::time::Timestamp;
use tollgate_core::webhook::{Signature, SignatureError};
use tollgate_engine::accounts::Accounts;
use tollgate_engine::credits::{By, LONGEST_REASON, LONGEST_REFERENCE, Note};

use super::admin::credits;
use crate::body::{self, Bounds, Inbound};
use crate::dispatch::Given;
use crate::gateway::Gateway;
use crate::request_id::RequestId;

/// Where the signature stands.
const HEADER: &str = "tollgate-signature";
/// The most bytes of a body. Nothing further is read.
const MOST: usize = 64 * 1024;

/// The secret of the webhook; `None`: there is no webhook.
pub(crate) fn secret(gateway: &Gateway) -> Option<Secret> {
    let secret = gateway.settings().webhook_secret.clone()?;
    (!secret.expose().is_empty()).then_some(secret)
}

/// Adds the credits that an event tells of: once, however often it comes.
pub(crate) async fn credits(
    gateway: &Gateway,
    request_id: &RequestId,
    parts: &Parts,
    body: &mut Inbound,
) -> Result<Given, Failure> {
    let secret = secret(gateway).ok_or_else(|| Failure::client(Code::UnknownUrl))?;
    let signature = signature(&parts.headers, gateway.now())?;
    if parts.headers.contains_key(CONTENT_ENCODING) {
        return Err(Failure::client(Code::UnsupportedMediaType).message(
            "Send the body of a webhook without Content-Encoding: it is signed as it is.",
        ));
    }
    let bounds = Bounds {
        bytes: MOST.min(gateway.settings().body_limit),
        time: gateway.settings().body_timeout,
    };
    let body = body::read_json(&parts.headers, body, bounds).await?;
    signature.check(&secret, &body).map_err(refused)?;
    let by = By {
        actor: "webhook".into(),
        request_id: Some(request_id.as_str().into()),
    };
    take(&gateway.engine.accounts, by, &body).await
}

/// What an event says. What else it says is passed over.
#[derive(Deserialize)]
struct Told {
    event: String,
    #[serde(default)]
    team: Option<String>,
    #[serde(default)]
    organization: Option<String>,
    #[serde(default)]
    amount_usd: Option<String>,
    #[serde(default)]
    credits: Option<u64>,
    #[serde(default)]
    reason: Option<String>,
}

async fn take(accounts: &Accounts, by: By, body: &[u8]) -> Result<Given, Failure> {
    let told: Told = serde_json::from_slice(body).map_err(not_read)?;
    let holder = match (told.team, told.organization) {
        (Some(id), None) => Holder::Team(TeamId::from_stored(&id)),
        (None, Some(id)) => Holder::Organization(OrgId::from_stored(&id)),
        _ => {
            return Err(invalid(
                "It must name a `team` or an `organization`, by its id.",
            ));
        }
    };
    let (unit, amount) = match (told.amount_usd, told.credits) {
        (Some(text), None) => (Unit::Usd, Money::parse(&text).map(Money::as_nano)),
        (None, Some(credits)) => (Unit::Credits, Some(credits)),
        _ => return Err(invalid("It must have `amount_usd` or `credits`.")),
    };
    let amount = amount.filter(|amount| (1..=LARGEST).contains(amount));
    let amount = amount.ok_or_else(|| {
        invalid("`amount_usd` must be a text such as \"10.00\", above 0 and up to 10000000.")
    })?;
    let name = told.event;
    let is_good = |letter: char| !letter.is_control();
    if !(1..=LONGEST_REFERENCE).contains(&name.chars().count()) || !name.chars().all(is_good) {
        return Err(invalid(
            "`event` must be the id of the event: 1 to 255 characters.",
        ));
    }
    if reserved::is_reserved(&name) {
        let message = format!("`event` {}.", reserved::REFUSED);
        return Err(invalid(&message).field(FieldProblem {
            path: "event".to_owned(),
            message,
            kind: "value_error",
        }));
    }
    let reason = told.reason.unwrap_or_default();
    let reason: String = reason
        .chars()
        .filter(|it| is_good(*it))
        .take(LONGEST_REASON)
        .collect();
    let note = Note {
        reference: Some(name.into()),
        reason: reason.into(),
        by: Some(by),
    };
    let wallet = WalletId { holder, unit };
    let receipt = accounts.credits().top_up(&wallet, amount, note).await?;
    let body = json!({"received": true, "transaction": credits::transaction(&receipt)});
    Ok(Given::json(200, &body))
}

/// Reads the signature and looks at its time, before the body is read.
fn signature(headers: &HeaderMap, now: Timestamp) -> Result<Signature, Failure> {
    let mut found = headers.get_all(HEADER).iter();
    let (Some(value), None) = (found.next(), found.next()) else {
        return Err(Failure::client(Code::InvalidApiKey).message(
            "A webhook needs one header Tollgate-Signature: t=SECONDS,v1=HMAC-SHA-256 of \
             \"SECONDS.BODY\" in hexadecimal.",
        ));
    };
    Signature::read(value.as_bytes(), now).map_err(refused)
}

/// What is wrong with a signature never says what would be right.
fn refused(error: SignatureError) -> Failure {
    Failure::client(Code::InvalidApiKey).message(format!(
        "The signature of this webhook is not good: {error}."
    ))
}

fn not_read(error: serde_json::Error) -> Failure {
    if error.is_data() {
        return invalid(
            "It must be a JSON object with `event`, `team` or `organization`, and `amount_usd` \
             (a text) or `credits` (an integer).",
        )
        .because(error);
    }
    let (line, column) = (error.line(), error.column());
    Failure::client(Code::MalformedJson).message(format!(
        "The body is not valid JSON at line {line}, column {column}."
    ))
}

fn invalid(what: &str) -> Failure {
    Failure::client(Code::InvalidRequest)
        .message(format!("The body of this webhook cannot be used. {what}"))
}

#[cfg(test)]
mod tests;
