//! Counts of tokens, which every format has under other names.

use crate::json::{self, Count, Kind, NameBuffer, Problem, Scanner};

/// The greatest count that is believed; no call has that many tokens, and sums of counts below
/// it cannot overflow.
pub(crate) const MOST: u64 = u32::MAX as u64;

/// How many bytes of text make a token: the usual estimate for English.
pub(crate) const BYTES: u64 = 4;
/// What every part of a prompt costs beside its text.
pub(crate) const PART: u64 = 4;
/// What every tool costs beside its text.
pub(crate) const TOOL: u64 = 8;
/// What a picture of middling size costs; other media, too, for want of a better guess.
pub(crate) const PICTURE: u64 = 1200;

/// About how many tokens a text of so many bytes has.
pub(crate) fn of_text(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(BYTES)
}

/// Takes the counts of these names out of an object of details.
pub(crate) fn details<const N: usize>(
    scanner: &mut Scanner<'_>,
    wanted: [&[u8]; N],
) -> Result<[Option<u64>; N], Problem> {
    let mut found = [None; N];
    if scanner.kind()? != Kind::Object {
        scanner.skip()?;
        return Ok(found);
    }
    let mut members = scanner.object()?;
    let mut buffer = NameBuffer::new();
    while let Some(name) = scanner.member(&mut members)? {
        let name = name.name(&mut buffer);
        match wanted
            .iter()
            .zip(&mut found)
            .find(|(want, _)| **want == name)
        {
            Some((_, place)) => *place = count(scanner)?,
            None => scanner.skip()?,
        }
    }
    Ok(found)
}

/// Takes a count; what is negative, broken or no number does not count.
pub(crate) fn count(scanner: &mut Scanner<'_>) -> Result<Option<u64>, Problem> {
    if scanner.kind()? != Kind::Number {
        scanner.skip()?;
        return Ok(None);
    }
    Ok(match json::count(scanner.number()?) {
        Count::Whole(value) => Some(value.min(MOST)),
        Count::Negative | Count::Fraction => None,
    })
}
