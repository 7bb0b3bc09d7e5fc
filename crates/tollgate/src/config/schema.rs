//! What a configuration may hold, as data: every key with its type, bounds, default and reason.
//! Reading, checking, the documentation and the example's test all follow from it.

pub(super) mod keys;
mod later;
mod nearest;

use super::quantity::format_size;

pub(super) use nearest::{nearest, unknown};

/// One key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    /// Its name within its section.
    pub(super) name: &'static str,
    /// What it takes.
    pub(super) kind: Kind,
    /// What holds when it is left out.
    pub(super) presence: Presence,
    /// What it does and why its default is what it is; sentences for the documentation.
    pub(super) text: &'static str,
    /// Whether a change needs a restart.
    pub(super) restart: bool,
}

/// What holds when a key is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It may not be left out.
    Required,
    /// Nothing is set; the text says what follows.
    Optional,
    /// This value, as the file would write it, without quotation marks.
    Default(&'static str),
}

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A line of text.
    Text,
    /// A text without blanks that other keys refer to.
    Name,
    /// The name of an organization, a team or a user.
    Id,
    /// An amount of USD.
    Money,
    /// A time zone.
    Zone,
    /// Ranges of internet addresses.
    Ranges,
    /// Credentials.
    Secrets(SecretRule),
    /// This word, or a section instead.
    WordOr(&'static str, &'static [Key]),
    /// A credential.
    Secret(SecretRule),
    /// A credential of several lines: the contents of a file.
    SecretFile,
    /// An address to listen on.
    Address,
    /// An `http://` or `https://` address.
    Url,
    /// The address of a database.
    Database,
    /// A file, relative to the configuration file.
    Path,
    /// A number of bytes.
    Size(Bounds),
    /// A duration in milliseconds.
    Millis(Bounds),
    /// A duration in seconds.
    Seconds(Bounds),
    /// A whole number.
    Count(Bounds),
    /// Yes or no.
    Bool,
    /// One of these words; `hint` is added when another one is given.
    Choice {
        words: &'static [&'static str],
        hint: &'static str,
    },
    /// A row of the table of providers.
    Provider,
    /// Names.
    Names,
    /// Lines of text.
    Texts,
    /// Any of these words.
    Words(&'static [&'static str]),
    /// Names of headers with their values.
    Headers,
    /// Words of callers with the models that they stand for.
    Hints,
    /// A point in time.
    Time,
    /// A section.
    Table(&'static [Key]),
    /// A list of sections.
    List(&'static [Key]),
}

/// The least and the most that is accepted, both included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) least: u64,
    pub(super) most: u64,
}

/// What a credential must look like beyond being visible ASCII.
#[derive(Clone, Copy, Debug)]
pub(super) struct SecretRule {
    /// What it begins with.
    pub(super) prefix: &'static str,
    /// The fewest characters, prefix included.
    pub(super) shortest: usize,
    /// The most characters.
    pub(super) longest: usize,
    /// What it is, where that says more than a number of characters.
    pub(super) form: Option<&'static str>,
}

impl Key {
    const fn new(name: &'static str, kind: Kind, text: &'static str) -> Self {
        Self {
            name,
            kind,
            presence: Presence::Optional,
            text,
            restart: false,
        }
    }

    const fn required(mut self) -> Self {
        self.presence = Presence::Required;
        self
    }

    const fn default(mut self, value: &'static str) -> Self {
        self.presence = Presence::Default(value);
        self
    }

    const fn needs_restart(mut self) -> Self {
        self.restart = true;
        self
    }
}

impl Kind {
    /// What the key takes, in words that follow "expected".
    pub(super) fn expected(self) -> String {
        match self {
            Self::Text | Self::Name | Self::Id => "a string".to_owned(),
            Self::Money => {
                "an amount of USD as a decimal number in quotes, such as \"10.00\"".to_owned()
            }
            Self::Zone => "the name of a time zone, such as \"Europe/Berlin\"".to_owned(),
            Self::Ranges => {
                "a list of addresses or ranges of them, such as \"10.0.0.0/8\"".to_owned()
            }
            Self::Secrets(_) => "a list of strings (credentials)".to_owned(),
            Self::WordOr(word, _) => format!("\"{word}\" or a table"),
            Self::Secret(_) => "a string (a credential)".to_owned(),
            Self::SecretFile => "a string (the contents of a credential file)".to_owned(),
            Self::Address => "an IP address with a port, such as \"127.0.0.1:4000\"".to_owned(),
            Self::Url => "an address that begins with http:// or https://".to_owned(),
            Self::Database => "an address such as \"sqlite://tollgate-data/tollgate.db\" or \
                 \"postgres://USER:PASSWORD@HOST/NAME\""
                .to_owned(),
            Self::Path => "the path of a file".to_owned(),
            Self::Size(_) => "a size such as \"20MiB\", or a number of bytes".to_owned(),
            Self::Millis(_) => "a whole number of milliseconds".to_owned(),
            Self::Seconds(_) => "a whole number of seconds".to_owned(),
            Self::Count(_) => "a whole number".to_owned(),
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Choice { words, .. } => one_of(words.iter().copied()),
            Self::Provider => "the name of a provider".to_owned(),
            Self::Names | Self::Texts | Self::Words(_) => "a list of strings".to_owned(),
            Self::Headers => "a table of header names and strings".to_owned(),
            Self::Hints => "a table of words and names of models".to_owned(),
            Self::Time => "a point in time such as \"2027-01-31T00:00:00Z\"".to_owned(),
            Self::Table(_) => "a table".to_owned(),
            Self::List(_) => "a list of tables".to_owned(),
        }
    }

    /// The bounds, in words, if it has any.
    pub(super) fn bounds(self) -> Option<String> {
        match self {
            Self::Size(Bounds { least, most }) => {
                Some(format!("{} to {}", format_size(least), format_size(most)))
            }
            Self::Millis(Bounds { least, most })
            | Self::Seconds(Bounds { least, most })
            | Self::Count(Bounds { least, most }) => Some(format!("{least} to {most}")),
            Self::Secret(SecretRule {
                form: Some(form), ..
            })
            | Self::Secrets(SecretRule {
                form: Some(form), ..
            }) => Some(form.to_owned()),
            Self::Secret(SecretRule {
                prefix,
                shortest,
                longest,
                form: None,
            })
            | Self::Secrets(SecretRule {
                prefix,
                shortest,
                longest,
                form: None,
            }) => {
                let begins = if prefix.is_empty() {
                    String::new()
                } else {
                    format!(", beginning with `{prefix}`")
                };
                Some(format!("{shortest} to {longest} characters{begins}"))
            }
            Self::Text
            | Self::Name
            | Self::Id
            | Self::Money
            | Self::Zone
            | Self::Ranges
            | Self::WordOr(..)
            | Self::SecretFile
            | Self::Address
            | Self::Url
            | Self::Database
            | Self::Path
            | Self::Bool
            | Self::Choice { .. }
            | Self::Provider
            | Self::Names
            | Self::Texts
            | Self::Words(_)
            | Self::Headers
            | Self::Hints
            | Self::Time
            | Self::Table(_)
            | Self::List(_) => None,
        }
    }

    /// Whether it takes a list of strings.
    pub(super) fn is_list_of_strings(self) -> bool {
        matches!(
            self,
            Self::Names | Self::Texts | Self::Words(_) | Self::Ranges | Self::Secrets(_)
        )
    }

    /// The keys of a section.
    pub(super) fn section(self) -> Option<&'static [Key]> {
        match self {
            Self::Table(keys) | Self::List(keys) => Some(keys),
            _ => None,
        }
    }
}

/// The key of this name.
pub(super) fn find(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    keys.iter().find(|key| key.name == name)
}

/// The dotted path of a key below `path`.
pub(super) fn join(path: &str, name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let is_bare = !name.is_empty() && name.bytes().all(plain);
    let name = if is_bare {
        name.to_owned()
    } else {
        format!("{name:?}")
    };
    if path.is_empty() {
        name
    } else {
        format!("{path}.{name}")
    }
}

/// `one of "a", "b"`.
pub(super) fn one_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words = words.map(|word| format!("\"{word}\"")).collect::<Vec<_>>();
    match words.as_slice() {
        [word] => word.clone(),
        _ => format!("one of {}", words.join(", ")),
    }
}
