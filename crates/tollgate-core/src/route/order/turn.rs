//! Whose turn it is, by weight and without a memory.

/// The place of the one whose turn it is. Over as many turns as the weights sum up to, each has
/// as many of them as its weight, spread evenly: best where the heaviest stands first.
///
/// The first one's turns are spread over all as a line over pixels: it has had
/// `t × weight / total`, rounded, of the first `t`. What it leaves is shared out among the others
/// by the same rule.
pub(super) fn place(weights: impl ExactSizeIterator<Item = u32> + Clone, turn: u64) -> usize {
    let last = weights.len().saturating_sub(1);
    let mut total: u64 = weights.clone().map(u64::from).sum();
    let first = weights.clone().next().unwrap_or(1);
    if weights.clone().all(|weight| weight == first) {
        // The same as below but for the order, which is the plain one here.
        return turn
            .checked_rem(weights.len() as u64)
            .and_then(|place| usize::try_from(place).ok())
            .unwrap_or(0);
    }
    let mut turn = turn.checked_rem(total).unwrap_or(0);
    for (place, weight) in weights.enumerate() {
        let weight = u64::from(weight);
        let had = line(turn, weight, total);
        if line(turn + 1, weight, total) > had {
            return place;
        }
        turn -= had;
        total = total.saturating_sub(weight).max(1);
    }
    last
}

/// `turns × weight / total`, rounded to the nearest.
fn line(turns: u64, weight: u64, total: u64) -> u64 {
    let twice = 2 * u128::from(turns) * u128::from(weight) + u128::from(total);
    u64::try_from(twice / (2 * u128::from(total))).unwrap_or(u64::MAX)
}
