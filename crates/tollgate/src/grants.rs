//! Credits that the configuration gives: once, however often it is read.

use tollgate_core::error::Failure;
use tollgate_core::ledger::reserved::CONFIGURATION;
use tollgate_core::ledger::{Holder, WalletId};
use tollgate_core::money::Unit;
use tollgate_engine::accounts::Accounts;
use tollgate_engine::credits::{By, Note};

use crate::config::Config;

/// Why declared credits were not given.
#[derive(Debug, thiserror::Error)]
#[error("the declared credits of {wallet} cannot be given: {why}")]
pub(crate) struct GrantError {
    wallet: WalletId,
    why: String,
}

/// Gives the credits of declared organizations and teams that were given none under this reference
/// before. Fails with the first that cannot be given; doing it again gives the rest.
pub(crate) async fn give(config: &Config, accounts: &Accounts) -> Result<(), GrantError> {
    let organizations = config.organizations.iter().filter_map(|one| {
        let holder = Holder::Organization(one.id.clone());
        Some((holder, Unit::Usd, one.credits?.as_nano()))
    });
    let teams = config.teams.iter().filter_map(|one| {
        let holder = Holder::Team(one.id.clone());
        Some((holder, Unit::Usd, one.credits?.as_nano()))
    });
    let jobs = config.teams.iter().filter_map(|one| {
        let holder = Holder::Team(one.id.clone());
        Some((holder, Unit::Credits, one.job_credits?))
    });
    for (holder, unit, credits) in organizations.chain(teams).chain(jobs) {
        let wallet = WalletId { holder, unit };
        let note = Note {
            reference: Some(CONFIGURATION.into()),
            reason: "declared in the configuration".into(),
            by: Some(By {
                actor: CONFIGURATION.into(),
                request_id: None,
            }),
        };
        let granting = accounts.credits().grant(&wallet, credits, note);
        granting.await.map_err(|failure| GrantError {
            why: why(&failure),
            wallet,
        })?;
    }
    Ok(())
}

fn why(failure: &Failure) -> String {
    let said = failure.message.as_deref();
    let said = said.unwrap_or_else(|| failure.code.slug());
    match &failure.cause {
        Some(cause) => format!("{said}: {cause}"),
        None => said.to_owned(),
    }
}
