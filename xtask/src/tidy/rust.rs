//! A Rust file taken apart into code, texts and comments, well enough for the rules.

/// A Rust file by lines.
pub(super) struct Rust {
    /// The code, line by line, with its texts and comments left out.
    pub(super) code: Vec<String>,
    /// The texts (string literals) with the line on which each begins, from 1.
    pub(super) texts: Vec<(usize, String)>,
    /// The comments, docstrings included, with the line on which each begins.
    pub(super) comments: Vec<(usize, String)>,
}

impl Rust {
    /// Takes a file apart.
    pub(super) fn read(text: &str) -> Self {
        let rust = Self {
            code: vec![String::new()],
            texts: Vec::new(),
            comments: Vec::new(),
        };
        let mut reader = Reader {
            rest: text,
            rust,
            last: ' ',
        };
        while reader.step() {}
        reader.rust
    }

    /// The line on which the unit tests at the end of the file begin, or the line after the last.
    pub(super) fn tests_begin(&self) -> usize {
        let is_test = |line: &String| line.starts_with("#[cfg(test)]");
        let found = self.code.iter().position(is_test);
        found.map_or(self.code.len() + 1, |index| index + 1)
    }
}

struct Reader<'a> {
    rest: &'a str,
    rust: Rust,
    /// The character before `rest`.
    last: char,
}

impl Reader<'_> {
    fn line(&self) -> usize {
        self.rust.code.len()
    }

    /// Takes one comment, one text or one character. Returns `false` at the end.
    fn step(&mut self) -> bool {
        let Some(next) = self.rest.chars().next() else {
            return false;
        };
        let line = self.line();
        if self.rest.starts_with("//") {
            let comment = self.take(self.rest.find('\n').unwrap_or(self.rest.len()));
            self.rust.comments.push((line, comment));
        } else if self.rest.starts_with("/*") {
            let comment = self.take(block_comment(self.rest));
            self.rust.comments.push((line, comment));
        } else if let Some(length) = self.text_length() {
            let text = self.take(length);
            self.rust.texts.push((line, text));
            self.push('"');
        } else if next == '\'' {
            self.take(character(self.rest));
            self.push('\'');
        } else {
            self.take(next.len_utf8());
            if next != '\n' {
                self.push(next);
            }
        }
        true
    }

    fn push(&mut self, character: char) {
        if let Some(line) = self.rust.code.last_mut() {
            line.push(character);
        }
        self.last = character;
    }

    /// Takes so many bytes off the rest and counts their lines.
    fn take(&mut self, length: usize) -> String {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, ""));
        self.rest = rest;
        for _ in taken.matches('\n') {
            self.rust.code.push(String::new());
            self.last = '\n';
        }
        taken.to_owned()
    }

    /// The length of the text that begins here, if one does: plain, raw, of bytes or for C.
    fn text_length(&self) -> Option<usize> {
        if self.rest.starts_with('"') {
            return Some(1 + quoted(self.rest.get(1..)?));
        }
        if self.last.is_alphanumeric() || self.last == '_' {
            return None;
        }
        let prefix = ["br", "cr", "r", "b", "c"].into_iter();
        let prefix = prefix
            .filter(|prefix| self.rest.starts_with(prefix))
            .max_by_key(|p| p.len())?;
        let behind = self.rest.get(prefix.len()..)?;
        if !prefix.ends_with('r') {
            let inside = behind.strip_prefix('"')?;
            return Some(prefix.len() + 1 + quoted(inside));
        }
        let inside = behind.trim_start_matches('#');
        let hashes = behind.len() - inside.len();
        let end = format!("\"{}", "#".repeat(hashes));
        let length = inside
            .strip_prefix('"')?
            .find(&end)
            .map_or(inside.len(), |at| at + 1);
        Some(prefix.len() + hashes + length + end.len())
    }
}

/// The length of the rest of a text whose opening quote has been taken.
fn quoted(inside: &str) -> usize {
    let mut escaped = false;
    for (at, character) in inside.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    inside.len()
}

/// The length of a block comment; they nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        let before = text.get(..at).unwrap_or_default();
        if character == '*' && before.ends_with('/') {
            depth += 1;
        } else if character == '/' && before.ends_with('*') && at > 2 {
            depth -= 1;
            if depth == 0 {
                return at + 1;
            }
        }
    }
    text.len()
}

/// The length of a character literal, or 1 for the mark of a lifetime.
fn character(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some(_)) => {
            let end = characters.find(|&(_, character)| character == '\'');
            end.map_or(text.len(), |(at, _)| at + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_texts_and_comments_are_told_apart() {
        let source = "let a = \"x \\\" // y\"; // why\n/* one /* two */ \"three\" */ b\n";
        let rust = Rust::read(source);
        assert_eq!(rust.texts, [(1, "\"x \\\" // y\"".to_owned())]);
        let comments = [
            (1, "// why".to_owned()),
            (2, "/* one /* two */ \"three\" */".to_owned()),
        ];
        assert_eq!(rust.comments, comments);
        assert_eq!(rust.code, ["let a = \"; ", " b", ""]);
    }

    #[test]
    fn raw_texts_end_at_their_own_mark() {
        let rust = Rust::read("f(r#\"a \"b\" // c\"#, br\"d\\\", b\"e\", c\"f\", for\"g\")\n\"h\"");
        let texts: Vec<&str> = rust.texts.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "r#\"a \"b\" // c\"#",
                "br\"d\\\"",
                "b\"e\"",
                "c\"f\"",
                "\"g\"",
                "\"h\""
            ]
        );
        assert_eq!(rust.texts.last().map(|(line, _)| *line), Some(2));
    }

    #[test]
    fn a_quote_as_a_character_opens_no_text() {
        let rust = Rust::read("match c { '\"' => a::<'static>(), '\\'' => '\\u{22}' } \"t\"");
        assert_eq!(rust.texts, [(1, "\"t\"".to_owned())]);
    }

    #[test]
    fn lines_inside_texts_are_counted() {
        let rust = Rust::read("let a = \"x\ny\";\nlet b = \"z\";\n");
        assert_eq!(rust.texts.last(), Some(&(3, "\"z\"".to_owned())));
    }

    #[test]
    fn tests_begin_where_they_are_marked_at_the_margin() {
        let source = "fn a() {}\n// #[cfg(test)]\n    #[cfg(test)]\n#[cfg(test)]\nmod tests {}\n";
        assert_eq!(Rust::read(source).tests_begin(), 4);
        assert_eq!(Rust::read("fn a() {}").tests_begin(), 2);
    }
}
