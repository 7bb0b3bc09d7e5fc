//! Gives teams the job credits that come again with each period: once for each period, whatever
//! becomes of the process meanwhile.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tollgate_core::error::{Code, Failure};
use tollgate_core::id::TeamId;
use tollgate_core::ledger::{Holder, WalletId, reserved};
use tollgate_core::money::Unit;
use tollgate_core::offer::{Every, Offer, Refill, TeamOffer};
use tollgate_core::time::Timestamp;

use crate::accounts::{Accounts, Decision, OfferChange};
use crate::authority::Manager;
use crate::credits::Note;
use crate::offers::Shelf;

/// How often it is looked whose period is over.
const EVERY: Duration = Duration::from_secs(5);
/// Periods begin by the calendar of this zone.
const ZONE: &str = "UTC";

/// Looks every few seconds whose period is over, until the end.
pub async fn watch(accounts: Arc<Accounts>, end: impl Future<Output = ()>) {
    let watching = async {
        let mut told = Told::default();
        loop {
            for Missed { team, failure, .. } in told.news(give_due(&accounts).await) {
                let code = failure.code.slug();
                tracing::warn!(
                    team = &*team,
                    code,
                    %failure,
                    "credits could not come again: it is tried again until they do"
                );
            }
            accounts.clock().sleep(EVERY).await;
        }
    };
    tokio::select! {
        () = watching => {}
        () = end => {}
    }
}

/// Credits that were due and could not be given.
#[derive(Debug)]
pub struct Missed {
    /// Whose they are.
    pub team: Box<str>,
    /// When the period began in which this was tried.
    pub period: Timestamp,
    /// Why not.
    pub failure: Failure,
}

/// What was told of teams whose credits could not come, that nobody reads the same every few
/// seconds.
#[derive(Default)]
struct Told(HashMap<Box<str>, (Timestamp, Vec<Code>)>);

impl Told {
    /// Of those that have missed credits at this look, what was not told in this period: each team
    /// once for each code.
    fn news(&mut self, missed: Vec<Missed>) -> Vec<Missed> {
        let mut before = std::mem::take(&mut self.0);
        let mut news = Vec::new();
        for missed in missed {
            let told = before.remove(&missed.team);
            let told = told.filter(|(period, _)| *period == missed.period);
            let (_, mut codes) = told.unwrap_or((missed.period, Vec::new()));
            let code = missed.failure.code;
            let team = missed.team.clone();
            let period = missed.period;
            if !codes.contains(&code) {
                codes.push(code);
                news.push(missed);
            }
            self.0.insert(team, (period, codes));
        }
        news
    }
}

/// Gives what is due now, also for periods in which no process ran. Tells what could not be given.
pub async fn give_due(accounts: &Accounts) -> Vec<Missed> {
    let due: Vec<Arc<TeamOffer>> = {
        let shelf = accounts.offers().shelf();
        let offers = shelf.teams().filter(|offer| !offer.deleted);
        offers
            .filter(|offer| offer.refill.as_ref().is_some_and(|refill| refill.enabled))
            .map(Arc::clone)
            .collect()
    };
    let mut missed = Vec::new();
    for offer in due {
        if let Err(failure) = give(accounts, &offer.team).await
            && let Some(refill) = &offer.refill
        {
            missed.push(Missed {
                team: offer.team.clone(),
                period: begins(accounts, refill.every),
                failure,
            });
        }
    }
    missed
}

/// From when on a refill that is set up now counts: what comes next comes with the next period.
pub fn begins(accounts: &Accounts, every: Every) -> Timestamp {
    let clock = accounts.clock();
    clock.window(every.period(), ZONE, clock.now()).start
}

/// When a refill comes next.
pub fn next(accounts: &Accounts, refill: &Refill) -> Timestamp {
    let clock = accounts.clock();
    clock.window(refill.every.period(), ZONE, refill.until).end
}

async fn give(accounts: &Accounts, team: &str) -> Result<(), Failure> {
    let id = TeamId::from_stored(team);
    loop {
        let refill = {
            let shelf = accounts.offers().shelf();
            let offer = shelf.team(&id);
            offer.and_then(|offer| offer.refill.clone())
        };
        let Some(refill) = refill.filter(|refill| refill.enabled) else {
            return Ok(());
        };
        let clock = accounts.clock();
        let due = next(accounts, &refill);
        if due > clock.now() || accounts.tenants().team(&id).is_none() {
            return Ok(());
        }
        give_for(accounts, (&id, &refill), due).await?;
    }
}

/// Gives the credits of the period that begins at `due`, and notes it. The reference makes sure
/// that they come once, should the process end between the two.
async fn give_for(
    accounts: &Accounts,
    (team, refill): (&TeamId, &Refill),
    due: Timestamp,
) -> Result<(), Failure> {
    let every = refill.every.as_str();
    let wallet = WalletId {
        holder: Holder::Team(team.clone()),
        unit: Unit::Credits,
    };
    let note = Note {
        reference: Some(reserved::refill(refill.every, due).into()),
        reason: format!("Automatic {every} refill").into(),
        by: None,
    };
    accounts
        .credits()
        .grant(&wallet, refill.amount, note)
        .await?;
    let home = accounts.tenants().team(team);
    let organization = home.map(|home| home.organization().id.clone());
    let at = accounts.now();
    let (by, action) = (Manager::command(), ("team.refill", team.as_str()));
    let decide = |shelf: &Shelf| {
        let mut changes = Vec::new();
        if let Some(offer) = shelf.team(team)
            && let Some(now) = &offer.refill
            && now.every == refill.every
            && now.until == refill.until
        {
            changes.push(OfferChange::Put(Offer::Team(TeamOffer {
                refill: Some(Refill {
                    until: due,
                    last_at: Some(at),
                    ..now.clone()
                }),
                ..TeamOffer::clone(offer)
            })));
        }
        let told = format!("{{\"credits\":{{\"new\":{}}}}}", refill.amount);
        Ok(Decision { changes, told })
    };
    accounts
        .change_offers(&by, action, organization.as_ref(), decide)
        .await
}

#[cfg(test)]
mod tests;
