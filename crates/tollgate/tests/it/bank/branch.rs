//! A gateway whose data outlives it, with teams that have credits.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::Command;
use std::time::SystemTime;

use serde_json::Value;
use tokio_util::sync::DropGuard;
use tollgate_core::id::{OrgId, TeamId};
use tollgate_core::ledger::{Holder, Page, PageHead, WalletId};
use tollgate_core::money::{Money, Unit};
use tollgate_core::time::Timestamp;
use tollgate_engine::ledger_check;
use tollgate_engine::port::LedgerStore as _;
use tollgate_simulator::Simulator;
use tollgate_store::testing::ScratchDatabase;

use super::server::Server;
use crate::world::{ADMIN_KEY, Folder, Gateway, Provided, provider};

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    Sqlite,
    Postgres,
}

/// What a token costs, in nano-USD.
pub const INPUT: u64 = 1_000;
pub const OUTPUT: u64 = 1_000_000;
/// How many teams share an organization, and how many of them pay with its wallet.
const TEAMS_OF_ONE: usize = 10;
const SHARING: usize = 3;
/// How many pages are read at once.
const PAGES: u32 = 500;

/// A folder, a store and a provider; gateways come and go.
pub struct Branch {
    pub folder: Folder,
    pub server: Option<Server>,
    pub simulator: Simulator,
    pub wallets: Vec<WalletId>,
    url: String,
    scratch: Option<ScratchDatabase>,
    _provider_stops: DropGuard,
}

impl Branch {
    /// Makes one of so many teams, with more lines in `[billing]` and at the end. Its server, if
    /// it has one, is its own.
    pub async fn new(store: Store, teams: usize, billing: &str, more: &str) -> Self {
        let (mut server, folder) = (None, Folder::new());
        let url = match store {
            Store::Sqlite => file_url(&folder),
            Store::Postgres => server.insert(Server::start()).url().to_owned(),
        };
        let mut branch = Self::at(folder, url, teams, (billing, more)).await;
        branch.server = server;
        branch
    }

    /// The same with a database of the server that all tests share.
    pub async fn sharing(store: Store, teams: usize, billing: &str, more: &str) -> Self {
        let (mut scratch, folder) = (None, Folder::new());
        let url = match store {
            Store::Sqlite => file_url(&folder),
            Store::Postgres => scratch.insert(ScratchDatabase::new()).url(),
        };
        let mut branch = Self::at(folder, url, teams, (billing, more)).await;
        branch.scratch = scratch;
        branch
    }

    async fn at(folder: Folder, url: String, teams: usize, (billing, more): (&str, &str)) -> Self {
        let (simulator, address, stops): Provided = provider().await;
        let config = config(&url, address, teams, billing) + more;
        std::fs::write(folder.path().join("tollgate.toml"), config).unwrap();
        Self {
            folder,
            server: None,
            scratch: None,
            simulator,
            wallets: wallets(teams),
            url,
            _provider_stops: stops,
        }
    }

    /// Starts a gateway. It may end before it is ready, if it is told to.
    pub fn open(&self, arguments: &[&str]) -> Result<Gateway, String> {
        Gateway::try_start(self.folder.path(), arguments)
    }

    /// `tollgate ledger verify`, while no gateway runs. Fails unless the ledger is clean.
    pub fn verify(&self) -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["ledger", "verify", "--json"])
            .current_dir(self.folder.path())
            .env_clear()
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}{errors}");
        let told: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(told["found"], 0, "{told}");
        told
    }

    /// The pages behind this one, while no gateway runs. Fails unless the whole ledger is clean.
    pub async fn pages(&self, mut after: PageHead) -> Vec<Page> {
        let store = tollgate_store::open(&self.url).await.unwrap();
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
        let now = Timestamp::from_millis(i64::try_from(now).unwrap());
        let report = ledger_check::verify(&store, now).await.unwrap();
        assert_eq!(report.found, 0, "{:?}", report.findings);
        let mut all = Vec::new();
        loop {
            let pages = store.pages(after.number, PAGES).await.unwrap();
            let Some(last) = pages.last() else {
                break;
            };
            after = last.head;
            all.extend(pages);
        }
        store.close().await;
        all
    }

    /// What the gateway has in a wallet, and what of it is held.
    pub async fn balance(&self, gateway: &Gateway, wallet: &WalletId) -> (u64, u64) {
        let answer = gateway.get(&path(wallet, "balance")).admin().send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        (nano(&body["balance_usd"]), nano(&body["held_usd"]))
    }

    /// The database, as its URL names it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// The key of a team.
pub fn key(team: usize) -> String {
    format!("sk-bank-0123456789-{team}")
}

/// Where something is done with the credits of a wallet.
pub fn path(wallet: &WalletId, deed: &str) -> String {
    match &wallet.holder {
        Holder::Team(id) => format!("/api/credits/teams/{id}/{deed}"),
        Holder::Organization(id) => format!("/api/credits/organizations/{id}/{deed}"),
    }
}

/// An amount in USD, as the API writes it.
pub fn nano(usd: &Value) -> u64 {
    let money = usd.as_str().and_then(Money::parse);
    money
        .unwrap_or_else(|| panic!("{usd} is no amount"))
        .as_nano()
}

/// Those who pay: most teams for themselves, the others of an organization together.
fn wallets(teams: usize) -> Vec<WalletId> {
    let holders = (0..teams).map(|team| match team % TEAMS_OF_ONE {
        place if place < SHARING => {
            let name = format!("org-{}", team / TEAMS_OF_ONE);
            Holder::Organization(OrgId::from_stored(&name))
        }
        _ => Holder::Team(TeamId::from_stored(&format!("team-{team}"))),
    });
    let mut wallets: Vec<_> = holders
        .map(|holder| WalletId {
            holder,
            unit: Unit::Usd,
        })
        .collect();
    wallets.sort();
    wallets.dedup();
    wallets
}

fn config(url: &str, provider: SocketAddr, teams: usize, billing: &str) -> String {
    let mut text = format!(
        r#"
[server]
listen = "127.0.0.1:0"

[admin]
key = "{ADMIN_KEY}"

[log]
format = "json"
level = "warn"

[database]
url = "{url}"

[billing]
minimum_balance_usd = "0"
{billing}

[[connections]]
name = "sim"
provider = "openai"
api_key = "sk-provider"
base_url = "http://{provider}/v1"

[[models]]
name = "bank"
price = {{ input = "1.00", output = "1000.00" }}
targets = [{{ connection = "sim", model = "story-20" }}]
"#
    );
    for organization in 0..teams.div_ceil(TEAMS_OF_ONE) {
        _ = writeln!(text, "[[organizations]]\nname = \"org-{organization}\"");
    }
    for team in 0..teams {
        let organization = team / TEAMS_OF_ONE;
        let key = key(team);
        _ = writeln!(
            text,
            "[[teams]]\nname = \"team-{team}\"\norganization = \"org-{organization}\"\n\
             [[keys]]\nname = \"key-{team}\"\nkey = \"{key}\"\nteam = \"team-{team}\"\n\
             models = [\"*\"]"
        );
    }
    text
}

fn file_url(folder: &Folder) -> String {
    let file = folder.path().join("tollgate-data/tollgate.db");
    format!("sqlite://{}", file.display())
}
