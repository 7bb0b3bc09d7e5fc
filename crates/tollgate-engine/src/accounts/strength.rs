//! Whether a key is more than another one: whoever makes keys for themselves alone must not get by
//! a new, a changed or a rotated key what the key has not got by which they do it.

use tollgate_core::budget::Controls;
use tollgate_core::error::Failure;
use tollgate_core::key::VirtualKey;
use tollgate_core::right::Extent;

use super::denied;
use crate::authority::Manager;

/// Checks that a key is no more than the key by which somebody manages who manages their own keys
/// alone. Others are bound by their role.
pub(super) fn is_within_own(by: &Manager, extent: Extent, key: &VirtualKey) -> Result<(), Failure> {
    let own = by.caller().filter(|_| extent == Extent::Own);
    match own.and_then(|caller| excess(key, &caller.key)) {
        None => Ok(()),
        Some(member) => Err(too_much(member)),
    }
}

/// The same for what a key is changed into. A change by which it becomes less is nobody's gain,
/// whatever it was before.
pub(super) fn may_become(
    by: &Manager,
    extent: Extent,
    (old, new): (&VirtualKey, &VirtualKey),
) -> Result<(), Failure> {
    if excess(new, old).is_none() {
        return Ok(());
    }
    is_within_own(by, extent, new)
}

/// The first member in which a key is more than another one.
fn excess(key: &VirtualKey, bound: &VirtualKey) -> Option<&'static str> {
    let ends_in_time = match (key.expires_at, bound.expires_at) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(end), Some(last)) => end <= last,
    };
    // What a key is allowed counts for each key on its own: beside one that has limits or budgets,
    // another one would have them once more.
    let counts_alone = key.id != bound.id && *bound.controls != Controls::default();
    let members = [
        ("models", bound.models.covers(&key.models)),
        ("permissions", bound.permissions.covers(key.permissions)),
        ("surfaces", bound.reach.covers_surfaces(&key.reach)),
        ("addresses", bound.reach.covers_addresses(&key.reach)),
        ("expires_at", ends_in_time),
        ("priority", key.priority <= bound.priority),
        ("team", key.tenancy.team == bound.tenancy.team),
        ("limits", !counts_alone),
    ];
    let mut beyond = members.into_iter().filter(|(_, is_within)| !is_within);
    beyond.next().map(|(member, _)| member)
}

fn too_much(member: &str) -> Failure {
    let ask = "or ask an owner or an administrator of the organization.";
    denied(match member {
        "team" => format!("You manage keys of the team of your own key. Name that one, {ask}"),
        "limits" => format!(
            "The key by which you manage has limits or budgets of its own, which another key \
             would not have. Use one that has none, {ask}"
        ),
        _ => format!(
            "The key by which you manage is bound in its `{member}`, so it gives nobody a key \
             that is bound less. Name `{member}` within its own, {ask}"
        ),
    })
}
