//! When a connection is checked.

use std::sync::Arc;

use tollgate_core::route::health::Thresholds;
use tollgate_engine::checks::Checks;

use crate::config::resolve::small;
use crate::config::section::Section;

/// The checks of a connection, if it wants any.
pub(super) fn read(connection: &Section) -> Option<Checks> {
    // The section of a table that nobody wrote is there all the same.
    let section = connection
        .section("checks")
        .filter(|_| connection.was_given("checks"))?;
    Some(Checks {
        interval: section.duration("interval_s")?,
        timeout: section.duration("timeout_ms")?,
        model: section.text("model").map(Arc::from),
        thresholds: Thresholds {
            unhealthy: small(section, "unhealthy")?,
            healthy: small(section, "healthy")?,
        },
    })
}
