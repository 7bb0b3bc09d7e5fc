//! What stands behind `/api/credits/`.

use http::Method;

use super::Endpoint;

/// Whose credits they are; the id is still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purse<'a> {
    /// Those of a team.
    Team(&'a str),
    /// Those of an organization.
    Organization(&'a str),
}

/// What is done with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Credits are added that were paid for.
    Add,
    /// A balance is set right.
    Adjust,
    /// What a settlement took is given back.
    Refund,
    /// The balance is told.
    Balance,
    /// The transactions are told.
    Transactions,
}

impl Deed {
    pub(super) fn methods(self) -> &'static [Method] {
        match self {
            Self::Add | Self::Adjust | Self::Refund => &[Method::POST],
            Self::Balance | Self::Transactions => &[Method::GET, Method::HEAD],
        }
    }
}

/// The endpoint of what follows `/api/credits/`.
pub(super) fn find(rest: &str) -> Option<Endpoint<'_>> {
    let (holders, rest) = rest.split_once('/')?;
    let (id, deed) = rest.split_once('/').filter(|(id, _)| !id.is_empty())?;
    let purse = match holders {
        "teams" => Purse::Team(id),
        "organizations" => Purse::Organization(id),
        _ => return None,
    };
    let deed = match deed {
        "add" => Deed::Add,
        "adjust" => Deed::Adjust,
        "refund" => Deed::Refund,
        "balance" => Deed::Balance,
        "transactions" => Deed::Transactions,
        _ => return None,
    };
    Some(Endpoint::Credits(purse, deed))
}
