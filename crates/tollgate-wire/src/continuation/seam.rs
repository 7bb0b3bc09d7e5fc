//! Where the words of a further stream join those that were said: what it repeats is left out.

/// The shortest text whose repetition is one. A shorter one may well follow itself: `ha`, `10`.
const REPEATED: usize = 32;

/// Reads the first words of a further stream. The model was given what was said without the blanks
/// at its end, so it may begin with them; and a model that does not go on but answers anew may
/// begin with all of it.
#[derive(Debug)]
pub(super) struct Seam {
    stage: Stage,
    /// How much of what was said the model was given.
    sent: usize,
    /// How much was said.
    said: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// All words so far repeat what was sent; they are held, for this many bytes.
    Repeating(usize),
    /// All words so far were the blanks that were not sent, up to this byte of what was said.
    Blanks(usize),
    /// Everything that comes is new.
    Open,
}

impl Seam {
    /// A seam where this much was said, and the first part of it sent.
    pub(super) fn new(sent: usize, said: usize) -> Self {
        let stage = if sent < REPEATED {
            Stage::Blanks(sent)
        } else {
            Stage::Repeating(0)
        };
        Self { stage, sent, said }
    }

    /// What is new in these words; `said` is what was said, and perhaps more since.
    pub(super) fn push(&mut self, said: &str, words: &str) -> String {
        let Stage::Repeating(held) = self.stage else {
            return self.behind_blanks(said, words).to_owned();
        };
        let due = said.get(held..self.sent).unwrap_or_default();
        if words.len() < due.len() && due.starts_with(words) {
            self.stage = Stage::Repeating(held + words.len());
            return String::new();
        }
        self.stage = Stage::Blanks(self.sent);
        if let Some(more) = words.strip_prefix(due) {
            return self.behind_blanks(said, more).to_owned();
        }
        let whole = [said.get(..held).unwrap_or_default(), words].concat();
        self.behind_blanks(said, &whole).to_owned()
    }

    /// The words that are held, when something else comes: they repeat nothing after all, and are
    /// new but for the blanks that were not sent, which what was said may begin with as well.
    pub(super) fn flush(&mut self, said: &str) -> String {
        match self.stage {
            Stage::Repeating(held @ 1..) => {
                self.stage = Stage::Blanks(self.sent);
                let words = said.get(..held).unwrap_or_default();
                self.behind_blanks(said, words).to_owned()
            }
            Stage::Repeating(_) | Stage::Blanks(_) | Stage::Open => String::new(),
        }
    }

    fn behind_blanks<'a>(&mut self, said: &str, words: &'a str) -> &'a str {
        let Stage::Blanks(mut at) = self.stage else {
            return words;
        };
        let due = said.get(at..self.said).unwrap_or_default();
        let mut rest = words.chars();
        for blank in due.chars() {
            let before = rest.as_str();
            match rest.next() {
                Some(next) if next == blank => at += blank.len_utf8(),
                None => {
                    self.stage = Stage::Blanks(at);
                    return "";
                }
                Some(_) => {
                    self.stage = Stage::Open;
                    return before;
                }
            }
        }
        self.stage = if rest.as_str().is_empty() {
            Stage::Blanks(at)
        } else {
            Stage::Open
        };
        rest.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "The quick brown fox jumps over the lazy dog. \n";

    /// What is new when these words come in pieces of a size.
    fn new(said: &str, words: &str, size: usize) -> String {
        let mut seam = Seam::new(said.trim_end().len(), said.len());
        let letters: Vec<char> = words.chars().collect();
        let mut out = String::new();
        for piece in letters.chunks(size) {
            out.push_str(&seam.push(said, &piece.iter().collect::<String>()));
        }
        out + &seam.flush(said)
    }

    #[test]
    fn what_was_said_is_left_out_where_it_is_repeated_as_a_whole() {
        for (words, want) in [
            (" \nIt runs.", "It runs."),
            (" It runs.", "It runs."),
            ("\nIt runs.", "\nIt runs."),
            ("It runs.", "It runs."),
            (" ", ""),
            ("", ""),
            (" \n\n", "\n"),
            (
                "The quick brown fox jumps over the lazy dog. \nIt runs.",
                "It runs.",
            ),
            (
                "The quick brown fox jumps over the lazy dog. It runs.",
                "It runs.",
            ),
            ("The quick brown fox jumps over the lazy dog.", ""),
            (
                "The quick brown fox jumps over the lazy cat.",
                "The quick brown fox jumps over the lazy cat.",
            ),
            ("The quick", "The quick"),
            ("Thé", "Thé"),
        ] {
            for size in [1, 2, 7, 1000] {
                assert_eq!(new(SAID, words, size), want, "{words:?} by {size}");
            }
        }
    }

    #[test]
    fn blanks_that_begin_what_was_said_are_still_the_blanks_that_end_it() {
        let said = "\n\nThe quick brown fox jumps over the lazy dog.\n";
        for (words, want) in [
            ("", ""),
            ("\n", ""),
            ("\n\n", "\n"),
            ("\n\nThe", "\nThe"),
            ("\nIt runs.", "It runs."),
            (said, ""),
        ] {
            for size in [1, 2, 7, 1000] {
                assert_eq!(new(said, words, size), want, "{words:?} by {size}");
            }
        }
        let said = "\nThe quick brown fox jumps over the lazy dog.\n\n";
        let mut seam = Seam::new(said.trim_end().len(), said.len());
        assert_eq!(seam.push(said, "\n") + &seam.flush(said), "");
        assert_eq!(seam.push(said, "\n\n"), "\n");
    }

    #[test]
    fn what_comes_before_the_first_words_changes_nothing() {
        let mut seam = Seam::new(SAID.trim_end().len(), SAID.len());
        assert_eq!(seam.flush(SAID), "");
        assert_eq!(seam.push(SAID, "The quick"), "");
        assert_eq!(seam.flush(SAID), "The quick");
        assert_eq!(seam.push(SAID, SAID), SAID);
    }

    #[test]
    fn a_short_text_may_follow_itself() {
        assert_eq!(new("ha", "haha", 1), "haha");
        let line = "=".repeat(REPEATED - 1);
        assert_eq!(new(&line, &line, 5), line);
        let line = "=".repeat(REPEATED);
        assert_eq!(new(&line, &line, 5), "");
    }
}
