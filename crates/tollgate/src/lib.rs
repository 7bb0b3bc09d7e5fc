//! The binary's parts, as a library so that tests can start a whole Tollgate in their process.

mod assemble;
mod banner;
mod calendar;
mod clock;
pub mod command;
pub mod config;
mod grants;
mod keeper;
mod master_key;
mod ownership;
mod reload;
mod secrets;
mod shutdown;
mod supervise;
mod telemetry;

use std::fmt::Display;
use std::io::Write as _;

/// Says on standard error why the process ends.
fn complain(reason: &dyn Display) {
    // Without standard error the exit code is all there is.
    _ = writeln!(std::io::stderr().lock(), "tollgate: {reason}");
}
