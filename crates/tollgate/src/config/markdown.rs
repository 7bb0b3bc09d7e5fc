//! The reference of all settings as a document, made from the schema.

use super::schema::keys::ROOT;
use super::schema::{Key, Kind, Presence, find, join};

/// What stands before the keys.
const INTRODUCTION: &str = "\
# Settings

<!-- Made by `cargo xtask generate`; changes belong in crates/tollgate/src/config/schema/. -->

The configuration is TOML: the file named by `--config`, or `tollgate.toml` in the working
directory. `tollgate check` reads it and reports every problem with file, line and key.
`tollgate.example.toml` shows every key in its place.

**Order.** A value of the command line wins over the environment, which wins over the file. The
variable of a key is `TOLLGATE_` and its path in capitals, with two underscores per level and
positions in lists: `TOLLGATE_SERVER__LISTEN`, `TOLLGATE_CONNECTIONS__0__API_KEY`. Lists of names
are written with commas or in TOML, sections in TOML; `_` in the name of a header stands for `-`.

**Values from elsewhere.** Inside any string, `${VAR}` stands for an environment variable and
`${file:PATH}` for the contents of a file without its last line end; a relative path starts at the
folder of the configuration file. A whole string may be `os.environ/VAR`. A variable that is not
set or a file that cannot be read is a problem, not an empty value. `$${` is a literal `${`.

**Changes.** `SIGHUP` reads the file again; a file with problems is refused and the old values
stay. Keys marked with ↻ need a restart.
";

/// The whole document.
pub fn settings_markdown() -> String {
    let sections = ROOT.iter().map(|key| section("", key));
    std::iter::once(INTRODUCTION.to_owned())
        .chain(sections)
        .collect()
}

fn section(path: &str, key: &Key) -> String {
    let Some(keys) = key.kind.section() else {
        return String::new();
    };
    let path = join(path, key.name);
    let title = match key.kind {
        Kind::List(_) => format!("[[{path}]]"),
        _ => format!("[{path}]"),
    };
    if let Some(described) = described_above(&path, key) {
        let text = key.text;
        return format!("\n## `{title}`\n\n{text} The keys are those of `{described}`.\n");
    }
    let rows = keys.iter().map(row).collect::<String>();
    let below = keys
        .iter()
        .map(|key| section(&path, key))
        .collect::<String>();
    format!(
        "\n## `{title}`\n\n{}\n\n| key | takes | default | what and why |\n\
         |---|---|---|---|\n{rows}{below}",
        key.text
    )
}

/// Where the same keys stand already, if they do.
fn described_above(path: &str, key: &Key) -> Option<String> {
    as_in_routing(path, key).or_else(|| {
        let first = first_like("", ROOT, key.kind.section()?)?;
        (first != path).then_some(first)
    })
}

/// The first section, in the order of the document, that has exactly these keys.
fn first_like(path: &str, among: &[Key], keys: &[Key]) -> Option<String> {
    let same = |one: &Key, other: &Key| one.name == other.name && one.text == other.text;
    among.iter().find_map(|key| {
        let (path, inner) = (join(path, key.name), key.kind.section()?);
        let is_like = inner.len() == keys.len()
            && inner.iter().zip(keys).all(|(one, other)| same(one, other));
        if is_like {
            Some(path)
        } else {
            first_like(&path, inner, keys)
        }
    })
}

/// The keys that models and collections have in common with `routing`.
fn as_in_routing(path: &str, key: &Key) -> Option<String> {
    let is_own = path.starts_with("models.") || path.starts_with("collections.");
    let routing = find(ROOT, "routing").filter(|_| is_own)?;
    find(routing.kind.section()?, key.name)?.kind.section()?;
    Some(join(routing.name, key.name))
}

fn row(key: &Key) -> String {
    let restart = if key.restart { " ↻" } else { "" };
    let bounds = key
        .kind
        .bounds()
        .map(|bounds| format!(": {bounds}"))
        .unwrap_or_default();
    let default = match key.presence {
        Presence::Required => "required".to_owned(),
        Presence::Optional => "not set".to_owned(),
        Presence::Default(default) => format!("`{default}`"),
    };
    let (name, takes) = (key.name, takes(key.kind));
    format!(
        "| `{name}`{restart} | {takes}{bounds} | {default} | {} |\n",
        key.text
    )
}

/// The type, in a word or two.
fn takes(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Name | Kind::Id => "name".to_owned(),
        Kind::Money => "USD".to_owned(),
        Kind::Zone => "time zone".to_owned(),
        Kind::Ranges => "list of addresses and ranges".to_owned(),
        Kind::Secrets(_) => "list of credentials".to_owned(),
        Kind::WordOr(word, _) => format!("`{word}`, or a section"),
        Kind::Secret(_) => "credential".to_owned(),
        Kind::SecretFile => "contents of a credential file".to_owned(),
        Kind::Address => "IP address and port".to_owned(),
        Kind::Url => "http(s) address".to_owned(),
        Kind::Database => "database address".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::Size(_) => "size".to_owned(),
        Kind::Millis(_) => "milliseconds".to_owned(),
        Kind::Seconds(_) => "seconds".to_owned(),
        Kind::Count(_) => "number".to_owned(),
        Kind::Bool => "`true` or `false`".to_owned(),
        Kind::Choice { words, .. } => quoted(words.iter().copied()),
        Kind::Provider => quoted(tollgate_upstream::provider::names()),
        Kind::Names => "list of names".to_owned(),
        Kind::Texts => "list of texts".to_owned(),
        Kind::Words(words) => format!("list of {}", quoted(words.iter().copied())),
        Kind::Headers => "table of headers".to_owned(),
        Kind::Hints => "table of words and models".to_owned(),
        Kind::Time => "point in time (RFC 3339)".to_owned(),
        Kind::Table(_) => "section, below".to_owned(),
        Kind::List(_) => "list of sections, below".to_owned(),
    }
}

fn quoted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.map(|word| format!("`{word}`")).collect();
    words.join(", ")
}
