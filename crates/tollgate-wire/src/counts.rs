//! Counts of tokens, which every format has under other names.

use serde_json::Value;

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

/// Takes the counts of these names out of an object of details. `odd` is set if one is broken.
pub(crate) fn details<const N: usize>(
    scanner: &mut Scanner<'_>,
    wanted: [&[u8]; N],
    odd: &mut bool,
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
            Some((_, place)) => *place = count(scanner, odd)?,
            None => scanner.skip()?,
        }
    }
    Ok(found)
}

/// Takes a count; what is negative, broken or no number does not count. `odd` is set then, and
/// for what no call can have; `null` only says nothing.
pub(crate) fn count(scanner: &mut Scanner<'_>, odd: &mut bool) -> Result<Option<u64>, Problem> {
    let kind = scanner.kind()?;
    if kind != Kind::Number {
        scanner.skip()?;
        *odd |= kind != Kind::Null;
        return Ok(None);
    }
    Ok(believed(json::count(scanner.number()?), odd))
}

/// The number that a count is, as far as it is believed. `odd` is set if it is not.
pub(crate) fn believed(count: Count, odd: &mut bool) -> Option<u64> {
    match count {
        Count::Whole(value) => {
            *odd |= value > MOST;
            Some(value.min(MOST))
        }
        Count::Negative | Count::Fraction => {
            *odd = true;
            None
        }
    }
}

/// The count that a member of an object has, as [`count`] takes it.
pub(crate) fn member(value: Option<&Value>, odd: &mut bool) -> Option<u64> {
    match value? {
        Value::Null => None,
        Value::Number(number) => believed(json::count(&number.to_string()), odd),
        Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            *odd = true;
            None
        }
    }
}

/// The smaller of a part and what it is a part of. `odd` is set if the part is more.
pub(crate) fn part(part: Option<u64>, whole: u64, odd: &mut bool) -> u64 {
    let part = part.unwrap_or_default();
    *odd |= part > whole;
    part.min(whole)
}

#[cfg(test)]
mod tests;
