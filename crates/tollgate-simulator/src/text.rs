//! What the simulated models say, and how it is counted.
//!
//! The rule of counting: a text is cut into pieces of at most four characters that never cross
//! the start of a word; blanks belong to the piece after them. A piece is one token, in the usage
//! as in a stream, so the number of content deltas of a stream is its number of output tokens.

use crate::seed::Numbers;

/// The most tokens of one answer, all its choices together, whatever was asked for.
pub(crate) const MOST_TOKENS: usize = 65_536;

const PIECE: usize = 4;
const STORY_TOKENS: usize = 200;

/// Cuts a text into its tokens; put together again they are the text.
pub(crate) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::with_capacity(text.len() / 3);
    let mut start = 0;
    let mut letters = 0;
    for (at, letter) in text.char_indices() {
        let blank = letter.is_whitespace();
        if letters == PIECE || (blank && letters > 0) {
            pieces.extend(text.get(start..at));
            start = at;
            letters = 0;
        }
        letters += usize::from(!blank);
    }
    pieces.extend(text.get(start..).filter(|rest| !rest.is_empty()));
    pieces
}

/// Counts the tokens of a text.
pub(crate) fn count(text: &str) -> u64 {
    u64::try_from(pieces(text).len()).unwrap_or(u64::MAX)
}

/// How many tokens the story of this model has: `story` has 200, `story-1000` has 1,000.
/// Returns `None` for models that tell no story.
pub(crate) fn story_length(model: &str) -> Option<usize> {
    let rest = model.strip_prefix("story")?;
    if rest.is_empty() {
        return Some(STORY_TOKENS);
    }
    let asked: usize = rest.strip_prefix('-')?.parse().ok()?;
    Some(asked.min(MOST_TOKENS))
}

/// Tells a story of exactly so many tokens; the same seed tells the same story.
///
/// It has letters of one to four bytes, joined emoji and combining marks, so that a stream of it
/// shows what cutting between bytes or characters does.
pub(crate) fn story(seed: u64, tokens: usize) -> String {
    let mut numbers = Numbers::new(seed);
    let mut told = String::new();
    let mut length = 0;
    while length < tokens {
        let before = if told.is_empty() { "" } else { " " };
        // Sentences begin with a blank, so their tokens can be counted one by one.
        let sentence = format!("{before}{}", sentence(&mut numbers));
        length += pieces(&sentence).len();
        told.push_str(&sentence);
    }
    pieces(&told).into_iter().take(tokens).collect()
}

fn sentence(numbers: &mut Numbers) -> String {
    const WHO: &[&str] = &[
        "The keeper",
        "A toll collector",
        "Zoë",
        "The ferryman 👨‍🚀",
        "An old señora",
        "旅人",
        "The naïve miller",
    ];
    const DID: &[&str] = &[
        "opened the gate for",
        "counted the coins of",
        "waved at",
        "wrote down the name of",
        "lent a lantern 🏮 to",
    ];
    const WHOM: &[&str] = &[
        "a cart of apples 🍎",
        "three travellers",
        "the man from Łódź",
        "a very quiet cow",
        "everyone who asked",
        "the cafe\u{301} owner",
    ];
    const WHEN: &[&str] = &[
        "before sunrise.",
        "while it rained. 🌧️",
        "and slept well.",
        "for 5 € and a song.",
        "as on every day.",
    ];
    let parts = [
        numbers.pick(WHO),
        numbers.pick(DID),
        numbers.pick(WHOM),
        numbers.pick(WHEN),
    ];
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_put_together_are_the_text() {
        for text in [
            "",
            " ",
            "Hello, world",
            "a  b\n\nc ",
            "🍎🍎🍎🍎🍎",
            "cafe\u{301} Łódź",
        ] {
            assert_eq!(pieces(text).concat(), text);
        }
    }

    #[test]
    fn a_piece_has_at_most_four_letters_of_one_word() {
        assert_eq!(
            pieces("Hello brave world"),
            ["Hell", "o", " brav", "e", " worl", "d"]
        );
        assert_eq!(count("one two"), 2);
        assert_eq!(count(""), 0);
    }

    #[test]
    fn a_story_has_exactly_the_tokens_asked_for() {
        for tokens in [0, 1, 17, 200, 5_000] {
            assert_eq!(pieces(&story(42, tokens)).len(), tokens);
        }
        assert_eq!(story(1, 100), story(1, 100));
        assert_ne!(story(1, 100), story(2, 100));
    }

    #[test]
    fn a_story_has_letters_of_every_length() {
        let lengths: std::collections::BTreeSet<usize> =
            story(0, 2_000).chars().map(char::len_utf8).collect();
        assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
    }

    #[test]
    fn the_length_of_a_story_is_in_the_name_of_its_model() {
        assert_eq!(story_length("story"), Some(200));
        assert_eq!(story_length("story-1000"), Some(1_000));
        assert_eq!(story_length("story-999999999"), Some(MOST_TOKENS));
        assert_eq!(story_length("stories"), None);
        assert_eq!(story_length("echo"), None);
    }
}
