//! What stands behind `/api/organizations/` and `/api/teams/`.

use tollgate_core::tenant::Status;

use super::Endpoint;

/// The endpoint of what follows `/api/organizations/`.
pub(super) fn organization(rest: &str) -> Option<Endpoint<'_>> {
    let Some((id, rest)) = rest.split_once('/') else {
        return Some(Endpoint::Organization(rest));
    };
    if id.is_empty() {
        return None;
    }
    match rest.split_once('/') {
        None if rest == "members" => Some(Endpoint::Members(id)),
        None => Some(Endpoint::OrganizationStatus(id, status(rest)?)),
        Some(("members", user)) if !user.is_empty() && !user.contains('/') => {
            Some(Endpoint::Member(id, user))
        }
        Some(_) => None,
    }
}

/// The endpoint of what follows `/api/teams/`.
pub(super) fn team(rest: &str) -> Option<Endpoint<'_>> {
    match rest.split_once('/') {
        None => Some(Endpoint::Team(rest)),
        Some(("", _)) => None,
        Some((id, verb)) => Some(Endpoint::TeamStatus(id, status(verb)?)),
    }
}

/// The status that a verb leads to.
fn status(verb: &str) -> Option<Status> {
    match verb {
        "suspend" => Some(Status::Suspended),
        "pause" => Some(Status::Paused),
        "resume" => Some(Status::Active),
        _ => None,
    }
}
