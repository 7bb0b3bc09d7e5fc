//! `/api/stats/dashboard`: sums over the deployment.

use serde_json::{Value, json};
use tollgate_core::error::Failure;
use tollgate_core::money::Unit;
use tollgate_engine::accounts::Accounts;

/// How many there are of what, and what is in all wallets of job credits.
pub(super) async fn read(accounts: &Accounts) -> Result<(u16, Value), Failure> {
    let (organizations, teams) = (
        accounts.tenants().organizations(),
        accounts.tenants().teams(),
    );
    let of_teams = teams.iter().map(|team| team.wallet(Unit::Credits));
    let of_organizations = organizations.iter().map(|node| node.wallet(Unit::Credits));
    let sums = accounts.credits().given_to_all().await?;
    let mut given: i64 = 0;
    let mut left: u64 = 0;
    for wallet in of_teams
        .chain(of_organizations)
        .filter(|wallet| wallet.is_open())
    {
        given = given.saturating_add(sums.get(&**wallet.id()).copied().unwrap_or_default());
        left = left.saturating_add(wallet.read().available());
    }
    let used = given.saturating_sub(i64::try_from(left).unwrap_or(i64::MAX));
    let body = json!({
        "organizations": organizations.len(),
        "teams": teams.len(),
        "modelGroups": accounts.offers().shelf().model_groups.len(),
        "totalCredits": given,
        "creditsRemaining": left,
        "creditsUsed": used,
    });
    Ok((200, body))
}
