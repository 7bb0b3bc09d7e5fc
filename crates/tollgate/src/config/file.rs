//! The file as it is written: TOML text → a tree whose every key and value knows its place.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problems};

/// A value and where it was given.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Raw,
}

/// A value before anyone has asked what it should be.
#[derive(Clone)]
pub(super) enum Raw {
    Text(Text),
    Integer(i64),
    Bool(bool),
    Time(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
    /// Something that no setting takes, by the name of its type.
    Other(&'static str),
}

/// A string.
#[derive(Clone)]
pub(super) struct Text {
    pub(super) text: String,
    /// Whether the source has no types (environment, command line), so that the text may stand
    /// for a number.
    pub(super) untyped: bool,
}

/// A key of a table, with its value.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

impl Node {
    /// A table without entries.
    pub(super) fn empty_table(place: Place) -> Self {
        Self {
            place,
            value: Raw::Table(Vec::new()),
        }
    }

    /// A text from a source without types.
    pub(super) fn untyped(place: Place, text: String) -> Self {
        Self {
            place,
            value: Raw::Text(Text {
                text,
                untyped: true,
            }),
        }
    }
}

impl Raw {
    /// The type, in words for a message.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Bool(_) => "a boolean",
            Self::Time(_) => "a date or time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(name) => name,
        }
    }
}

/// Reads a whole file. Syntax errors go to `problems`; what could be read around them is
/// returned all the same.
pub(super) fn read(text: &str, problems: &mut Problems) -> Node {
    let lines = Lines::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let place = error
            .span()
            .map_or(Place::File, |span| lines.place(span.start));
        // Only the message: the error's own rendering quotes the line, which may hold a secret.
        problems.push(&place, "", format!("syntax error: {}", error.message()));
    }
    let value = table_from(table.get_ref(), &|offset| lines.place(offset));
    Node {
        place: Place::File,
        value,
    }
}

/// Reads one TOML value that was given at `place`. On failure returns the parser's message,
/// which never quotes the text.
pub(super) fn read_value(text: &str, place: &Place) -> Result<Node, String> {
    let value = DeValue::parse(text).map_err(|error| error.message().to_owned())?;
    Ok(node_from(&value, &|_| place.clone()))
}

fn node_from(value: &Spanned<DeValue<'_>>, place: &dyn Fn(usize) -> Place) -> Node {
    let raw = match value.get_ref() {
        DeValue::String(text) => Raw::Text(Text {
            text: text.to_string(),
            untyped: false,
        }),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or(Raw::Other("an integer beyond 64 bits"), Raw::Integer),
        DeValue::Float(_) => Raw::Other("a float"),
        DeValue::Boolean(value) => Raw::Bool(*value),
        DeValue::Datetime(time) => Raw::Time(time.to_string()),
        DeValue::Array(list) => Raw::List(list.iter().map(|item| node_from(item, place)).collect()),
        DeValue::Table(table) => table_from(table, place),
    };
    Node {
        place: place(value.span().start),
        value: raw,
    }
}

fn table_from(table: &DeTable<'_>, place: &dyn Fn(usize) -> Place) -> Raw {
    let entry = |(key, value): (&Spanned<_>, &_)| Entry {
        name: AsRef::<str>::as_ref(key.get_ref()).to_owned(),
        place: place(key.span().start),
        node: node_from(value, place),
    };
    Raw::Table(
        table
            .iter()
            .map(|pair: (&Spanned<toml::de::DeString<'_>>, _)| entry(pair))
            .collect(),
    )
}

/// Finds lines and columns of byte offsets.
struct Lines<'a> {
    text: &'a str,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0)
            .chain(ends.map(|(end, _)| end + 1))
            .collect();
        Self { text, starts }
    }

    fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or_default();
        Place::Line {
            line,
            column: before.trim_start_matches('\u{feff}').chars().count() + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: usize, column: usize) -> Place {
        Place::Line { line, column }
    }

    #[test]
    fn columns_count_characters_and_no_byte_order_mark() {
        let lines = Lines::new("\u{feff}ab\n\"é\" = 1\n");
        assert_eq!(lines.place(4), place(1, 2));
        assert_eq!(lines.place(11), place(2, 5));
        assert_eq!(lines.place(999), place(3, 1), "beyond the end");
    }

    #[test]
    fn every_syntax_error_is_reported_without_the_text() {
        let mut problems = Problems::default();
        read(
            "a = sk-canary\n[server]\nb = \"sk-canary\nc = 1\n",
            &mut problems,
        );
        let lines = problems.lines().collect::<Vec<_>>();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(!problems.to_string().contains("canary"));
    }

    #[test]
    fn what_stands_around_a_syntax_error_is_read() {
        let mut problems = Problems::default();
        let Raw::Table(entries) = read("a =\nb = 2\n", &mut problems).value else {
            panic!("a table")
        };
        let b = entries.iter().find(|entry| entry.name == "b").expect("b");
        assert_eq!(b.place, place(2, 1));
        assert!(matches!(b.node.value, Raw::Integer(2)));
    }
}
