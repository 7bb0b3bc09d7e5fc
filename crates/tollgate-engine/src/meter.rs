//! What one key, user, team, organization or model has used: of its rate limits and its budgets.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::spend::Spend;
use crate::throttle::Rates;

/// What somebody has used. What they are allowed is declared elsewhere and handed in.
#[derive(Default)]
pub(crate) struct Meter {
    pub(crate) rates: Rates,
    pub(crate) spend: Spend,
}

/// The place of a meter. Most of a million keys are never used, and most have no limits of their
/// own: a meter is made when something has to be counted.
#[derive(Clone, Default)]
pub(crate) struct MeterSlot(OnceLock<Arc<Meter>>);

impl MeterSlot {
    /// The meter, made now if there was none.
    pub(crate) fn get(&self) -> &Arc<Meter> {
        self.0.get_or_init(Arc::default)
    }

    /// The meter, if there is one.
    pub(crate) fn there(&self) -> Option<&Arc<Meter>> {
        self.0.get()
    }

    /// Takes over the meter of the one whose place this is now.
    pub(crate) fn inherit(&self, former: &Self) {
        if let Some(meter) = former.there() {
            _ = self.0.set(Arc::clone(meter));
        }
    }
}

impl fmt::Debug for MeterSlot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.there() {
            Some(_) => "MeterSlot(made)",
            None => "MeterSlot(empty)",
        })
    }
}
