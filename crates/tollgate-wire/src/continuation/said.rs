//! What was said to the caller so far, and whether somebody else can go on with it.

/// The most bytes that are kept; a longer answer is not gone on with.
const MOST: usize = 256 * 1024;

/// The words of one answer.
#[derive(Debug, Default)]
pub(super) struct Said {
    text: String,
    /// Whether nobody else can go on: the answer is complete, or holds more than words.
    over: bool,
}

impl Said {
    /// Adds words.
    pub(super) fn say(&mut self, words: &str) {
        if self.over {
            return;
        }
        if self.text.len() + words.len() > MOST {
            self.over = true;
        } else {
            self.text.push_str(words);
        }
    }

    /// Notes that the answer is complete.
    pub(super) fn close(&mut self) {
        self.over = true;
    }

    /// Notes that the answer holds something that cannot be told to another model.
    pub(super) fn give_up(&mut self) {
        self.over = true;
    }

    /// Whether nobody else can go on.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Lets go of the words if nobody will ask for them. Not while another stream joins them.
    pub(super) fn forget_if_over(&mut self) {
        if self.over {
            self.text = String::new();
        }
    }

    /// The words, if somebody can go on with them.
    pub(super) fn open(&self) -> Option<&str> {
        (!self.over).then_some(&*self.text)
    }

    /// The words.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// How many bytes the words have.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_answer_is_kept_up_to_the_bound_and_no_further() {
        let mut said = Said::default();
        said.say(&"x".repeat(MOST));
        assert_eq!(said.open().map(str::len), Some(MOST));
        said.say("x");
        assert_eq!(said.open(), None);
        said.forget_if_over();
        assert_eq!(said.text.capacity(), 0);
    }
}
