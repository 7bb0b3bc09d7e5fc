//! `tollgate credit …`: adds credits to a team or an organization, and shows what is there.

use std::process::ExitCode;
use std::time::Duration;

use http::Method;
use serde_json::Value;
use tokio::sync::oneshot;
use tollgate_core::error::Failure;
use tollgate_engine::accounts::Accounts;
use tollgate_http::credits::{self, Asked, Books, Of};

use super::control::CommandError;
use super::place::{self, Common, Said, body, call, segment};
use super::table;
use crate::config::Config;

/// How long the ledger may take to be written.
const LAST_PAGES: Duration = Duration::from_secs(30);

/// What is to be done with credits.
#[derive(Debug, clap::Args)]
pub struct CreditArguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Adds credits that were paid for.
    Add(Add),
    /// Shows what is there.
    Balance(Meant),
    /// Lists what operators did, the latest first. Calls are not among it.
    List(List),
}

#[derive(Debug, clap::Args)]
struct Add {
    #[command(flatten)]
    meant: Meant,
    /// How much, in USD: 10.00.
    amount: String,
    /// What the order is called: the same order again then adds nothing.
    #[arg(long, value_name = "TEXT")]
    reference: Option<String>,
    /// Why, for people.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    meant: Meant,
    /// How many to show.
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: u32,
    /// How many to pass over.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    offset: u32,
}

#[derive(Debug, clap::Args)]
struct Meant {
    /// The id of the team, or of the organization.
    id: String,
    /// Whether an organization is meant.
    #[arg(long)]
    organization: bool,
}

impl Meant {
    fn of(&self) -> Of {
        if self.organization {
            Of::organization(&self.id)
        } else {
            Of::team(&self.id)
        }
    }

    fn path(&self, deed: &str) -> String {
        let holders = if self.organization {
            "organizations"
        } else {
            "teams"
        };
        format!("/api/credits/{holders}/{}/{deed}", segment(&self.id))
    }
}

/// Does it, through the running gateway if there is one.
pub fn run(arguments: &CreditArguments) -> ExitCode {
    place::run(arguments.common.config.as_deref(), async |config| {
        act(config, arguments).await
    })
}

async fn act(config: &Config, arguments: &CreditArguments) -> Result<Said, CommandError> {
    let json = arguments.common.json;
    let billing = &config.billing.rules;
    match &arguments.action {
        Action::Add(add) => {
            let given = given(add);
            let call = call(Method::POST, add.meant.path("add"), Some(given.clone()));
            let text = given.to_string();
            let answer = place::manage(config, true, call, async |accounts, by| {
                let books = Books { accounts, billing };
                let asked = Asked {
                    body: text.as_bytes(),
                    key: None,
                };
                let of = add.meant.of();
                written(accounts, credits::add(books, by, &of, asked)).await
            });
            Ok(Said::answer(json, &answer.await?, added))
        }
        Action::Balance(meant) => {
            let call = call(Method::GET, meant.path("balance"), None);
            let answer = place::manage(config, false, call, async |accounts, _| {
                credits::balance(Books { accounts, billing }, &meant.of(), None)
            });
            Ok(Said::answer(json, &answer.await?, balance))
        }
        Action::List(list) => {
            let query = format!("unit=usd&limit={}&offset={}", list.limit, list.offset);
            let path = format!("{}?{query}", list.meant.path("transactions"));
            let call = call(Method::GET, path, None);
            let answer = place::manage(config, false, call, async |accounts, _| {
                let books = Books { accounts, billing };
                credits::transactions(books, &list.meant.of(), Some(&query)).await
            });
            Ok(Said::answer(json, &answer.await?, lines))
        }
    }
}

/// Does something while somebody writes the ledger, as it is in a gateway that runs.
async fn written<T>(
    accounts: &Accounts,
    act: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let (stop, stopped) = oneshot::channel::<()>();
    let writing = accounts.ledger().clone().write(async {
        // The sender is never used: it is over when it goes.
        stopped.await.ok();
    });
    let acting = async {
        let done = act.await;
        drop(stop);
        done
    };
    // A store that does not take the last page has been waited for by whoever acts.
    let (done, _) = tokio::join!(acting, tokio::time::timeout(LAST_PAGES, writing));
    done
}

fn given(add: &Add) -> Value {
    body([
        ("amount_usd", Some(add.amount.as_str().into())),
        ("reference", add.reference.as_deref().map(Value::from)),
        ("reason", add.reason.as_deref().map(Value::from)),
    ])
}

fn added(answer: &Value) -> String {
    let rows = [
        ("entry", "/transaction/id"),
        ("added", "/transaction/amount_usd"),
        ("reference", "/transaction/reference"),
    ];
    format!("{}{}", table::sheet(answer, &rows), balance(answer))
}

/// What is there, a fact per line.
fn balance(answer: &Value) -> String {
    let rows = [
        ("team", "/team"),
        ("organization", "/organization"),
        ("balance", "/balance_usd"),
        ("held", "/held_usd"),
        ("available", "/available_usd"),
        ("minimum", "/minimum_usd"),
        ("low", "/low"),
        ("pays", "/pays"),
    ];
    let there = rows.iter().filter(|(_, at)| answer.pointer(at).is_some());
    table::sheet(answer, &there.copied().collect::<Vec<_>>())
}

/// All transactions, one per line, in columns.
fn lines(answer: &Value) -> String {
    const COLUMNS: [(&str, &str); 6] = [
        ("ENTRY", "/id"),
        ("AT", "/at"),
        ("KIND", "/kind"),
        ("USD", "/amount_usd"),
        ("REFERENCE", "/reference"),
        ("REASON", "/reason"),
    ];
    table::list(answer, "transactions", COLUMNS)
}
