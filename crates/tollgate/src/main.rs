//! Parses the command line and hands over.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use tollgate::command::{self, serve};
use tollgate::config::Overrides;

/// An LLM API gateway: one address between applications and providers.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArguments,
}

#[derive(clap::Args)]
struct ServeArguments {
    /// The configuration; tollgate.toml of this folder if it is there.
    #[arg(long, value_name = "FILE", env = "TOLLGATE_CONFIG")]
    config: Option<PathBuf>,
    /// Where to listen, before the configuration.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Dies when a place on the path of money is reached for the n-th time: `PLACE:N`. With
    /// `PLACE:N:panic` only whoever reaches it panics. For tests; release builds do not have it.
    #[cfg(debug_assertions)]
    #[arg(long, value_name = "PLACE:N", hide = true, value_parser = armed)]
    fault: Option<()>,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the gateway (the default).
    Serve(ServeArguments),
    /// Says everything that is wrong with a configuration.
    Check {
        /// The configuration; tollgate.toml of this folder if it is there.
        #[arg(long, value_name = "FILE", env = "TOLLGATE_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Serves the simulated provider alone.
    Simulate {
        /// Where to listen.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4010")]
        listen: SocketAddr,
        /// Rules for faults, as JSON.
        #[arg(long, value_name = "FILE")]
        script: Option<PathBuf>,
    },
    /// Makes, lists, revokes and rotates virtual keys.
    Key(command::key::KeyArguments),
    /// Makes and lists organizations, and changes their status.
    Org(command::org::OrgArguments),
    /// Makes and lists teams, and changes their status.
    Team(command::team::TeamArguments),
    /// Adds, lists, changes and removes the members of organizations.
    User(command::user::UserArguments),
    /// Adds credits to teams and organizations, and shows what is there.
    Credit(command::credit::CreditArguments),
    /// Verifies the ledger.
    Ledger(command::ledger::LedgerArguments),
    /// Lists and tests connections, and opens, closes or isolates their targets.
    Connection(command::connection::ConnectionArguments),
    /// Explains what would become of a request: which targets are asked, in which order and why.
    Explain(command::explain::ExplainArguments),
    /// Switches maintenance mode on or off, or shows it.
    Maintenance(command::maintenance::MaintenanceArguments),
    /// Asks a model one question, through a running gateway.
    Call(command::call::CallArguments),
    /// Explains the error codes.
    Errors {
        /// One code, with cause, fix and examples.
        code: Option<String>,
    },
    /// Prints documents that are made from the code.
    #[command(hide = true)]
    Docs {
        /// Which one: commands, errors, settings or simulator.
        document: String,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        None => serve::run(&order(arguments.serve)),
        Some(Command::Serve(given)) => serve::run(&order(given)),
        Some(Command::Check { config }) => command::check::run(config.as_deref()),
        Some(Command::Simulate { listen, script }) => {
            command::simulate::run(listen, script.as_deref())
        }
        Some(Command::Key(given)) => command::key::run(&given),
        Some(Command::Org(given)) => command::org::run(&given),
        Some(Command::Team(given)) => command::team::run(&given),
        Some(Command::User(given)) => command::user::run(&given),
        Some(Command::Credit(given)) => command::credit::run(&given),
        Some(Command::Ledger(given)) => command::ledger::run(&given),
        Some(Command::Connection(given)) => command::connection::run(&given),
        Some(Command::Explain(given)) => command::explain::run(&given),
        Some(Command::Maintenance(given)) => command::maintenance::run(&given),
        Some(Command::Call(given)) => command::call::run(&given),
        Some(Command::Errors { code }) => command::errors::run(code.as_deref()),
        Some(Command::Docs { document }) => command::docs::run(&document, &Arguments::command()),
    }
}

fn order(given: ServeArguments) -> serve::Order {
    serve::Order {
        file: given.config,
        overrides: Overrides {
            listen: given.listen,
        },
    }
}

#[cfg(debug_assertions)]
fn armed(fault: &str) -> Result<(), &'static str> {
    tollgate_engine::fault::arm(fault).ok_or("not a place of tollgate_engine::fault::POINTS")
}
