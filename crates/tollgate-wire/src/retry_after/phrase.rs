//! Waits that a provider only mentions in its message, such as "Please try again in 9m38.016s".

use std::time::Duration;

use super::span;

/// What stands before the wait, in lower case. Longer ones first, where one begins another.
const LEADS: [&str; 10] = [
    "try again in ",
    "try again after ",
    "retry again in ",
    "retry in ",
    "retry after ",
    "retry again after ",
    "available again in ",
    "resets in ",
    "reset in ",
    "wait ",
];

/// Words between the lead and the figure that change nothing.
const FILLERS: [&str; 5] = ["about ", "approximately ", "another ", "at least ", "for "];

/// Reads the wait from a message: the first phrase of this kind whose figure is understood.
pub fn wait_in_text(message: &str) -> Option<Duration> {
    let text = message.to_ascii_lowercase();
    let found = LEADS.iter().filter_map(|lead| {
        text.match_indices(lead).find_map(|(start, lead)| {
            let wait = wait_at(text.get(start + lead.len()..)?)?;
            Some((start, wait))
        })
    });
    found
        .min_by_key(|(start, _)| *start)
        .map(|(_, wait)| wait.min(super::LONGEST))
}

fn wait_at(mut text: &str) -> Option<Duration> {
    while let Some(rest) = FILLERS.iter().find_map(|filler| text.strip_prefix(filler)) {
        text = rest;
    }
    let text = text.trim_start_matches(['`', '\'', '"', ' ']);
    span::leading_duration(text)
        .map(|(wait, _)| wait)
        .or_else(|| spelled(text))
}

/// Figures with spelled units, as in "1 minute and 30 seconds"; a bare figure is seconds, if
/// nothing follows that could be another unit.
fn spelled(text: &str) -> Option<Duration> {
    let mut total: Option<Duration> = None;
    let mut rest = text;
    while let Some((digits, after)) = span::leading_number(rest) {
        let after = after.trim_start();
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (word, after) = after.split_at_checked(letters)?;
        let unit = match unit_of(word) {
            Some(unit) => unit,
            None if total.is_none() && word.is_empty() => span::SECOND,
            None => break,
        };
        total = total
            .unwrap_or_default()
            .checked_add(span::number(digits, unit)?);
        rest = after.trim_start_matches([' ', ',']);
        rest = rest.strip_prefix("and ").unwrap_or(rest);
    }
    total
}

fn unit_of(word: &str) -> Option<u64> {
    Some(match word {
        "ms" | "millisecond" | "milliseconds" => span::MS,
        "s" | "sec" | "secs" | "second" | "seconds" => span::SECOND,
        "m" | "min" | "mins" | "minute" | "minutes" => 60 * span::SECOND,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600 * span::SECOND,
        "d" | "day" | "days" => 86_400 * span::SECOND,
        _ => return None,
    })
}
