//! Single values: text and numbers → what a key takes, within its bounds. Messages say what is
//! expected and never quote what was given.

use std::path::Path;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri};
use tollgate_core::address::AddressRange;
use tollgate_core::money::{LARGEST, Money};
use tollgate_core::secret::Secret;
use tollgate_core::time::Timestamp;
use tollgate_engine::accounts;
use tollgate_store::Location;
use tollgate_upstream::provider::{self, Provider};

use super::quantity::parse_size;
use super::schema::{Bounds, Kind, SecretRule, nearest, one_of};
use super::section::Setting;
use crate::calendar;

/// The most characters of names and other short texts.
const LONGEST_TEXT: usize = 256;

/// Reads a text as what the key takes. Relative paths start at `directory`.
pub(super) fn from_text(kind: Kind, text: &str, directory: &Path) -> Result<Setting, String> {
    let expected = || format!("expected {}", kind.expected());
    match kind {
        Kind::Text => line(text).map(|()| Setting::Text(text.to_owned())),
        Kind::Name => name(text).map(|()| Setting::Text(text.to_owned())),
        Kind::Id => id(text).map(|()| Setting::Text(text.to_owned())),
        Kind::Money => Money::parse(text)
            .map(Setting::Money)
            .ok_or_else(|| money_expected(text)),
        Kind::Zone => zone(text).map(|()| Setting::Text(text.to_owned())),
        Kind::WordOr(word, _) if word == text => Ok(Setting::Word(word)),
        Kind::Secret(rule) => secret(text, rule).map(Setting::Secret),
        Kind::SecretFile if text.trim().is_empty() => Err("is empty".to_owned()),
        Kind::SecretFile => Ok(Setting::Secret(Secret::new(text))),
        Kind::Address => text.parse().map(Setting::Address).map_err(|_| expected()),
        Kind::Url => url(text).map(Setting::Text),
        Kind::Database => database(text).map(|()| Setting::Text(text.to_owned())),
        Kind::Path if text.is_empty() => Err(expected()),
        Kind::Path => Ok(Setting::Path(directory.join(text))),
        Kind::Size(bounds) => {
            let bytes = parse_size(text).ok_or_else(expected)?;
            within(kind, bounds, bytes).map(Setting::Number)
        }
        Kind::Millis(_) | Kind::Seconds(_) | Kind::Count(_) => {
            from_integer(kind, text.trim().parse().map_err(|_| expected())?)
        }
        Kind::Bool => text.parse().map(Setting::Flag).map_err(|_| expected()),
        Kind::Choice { words, hint } => word(words, hint, text).map(Setting::Word),
        Kind::Provider => provider(text).map(Setting::Provider),
        Kind::Time => time(text).map(Setting::Time).ok_or_else(expected),
        Kind::WordOr(..)
        | Kind::Names
        | Kind::Texts
        | Kind::Words(_)
        | Kind::Ranges
        | Kind::Secrets(_)
        | Kind::Headers
        | Kind::Hints
        | Kind::Table(_)
        | Kind::List(_) => Err(expected()),
    }
}

/// Reads an integer as what the key takes.
pub(super) fn from_integer(kind: Kind, integer: i64) -> Result<Setting, String> {
    let number = u64::try_from(integer);
    match kind {
        Kind::Size(bounds) | Kind::Count(bounds) => {
            let number = number.map_err(|_| out_of_bounds(kind))?;
            within(kind, bounds, number).map(Setting::Number)
        }
        Kind::Millis(bounds) => {
            let ms = within(kind, bounds, number.map_err(|_| out_of_bounds(kind))?)?;
            Ok(Setting::Duration(Duration::from_millis(ms)))
        }
        Kind::Seconds(bounds) => {
            let seconds = within(kind, bounds, number.map_err(|_| out_of_bounds(kind))?)?;
            Ok(Setting::Duration(Duration::from_secs(seconds)))
        }
        _ => Err(format!("expected {}, found an integer", kind.expected())),
    }
}

/// Reads a header that a connection declares.
pub(super) fn header_name(name: &str) -> Result<HeaderName, String> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| "is not the name of a header".to_owned())
}

/// Reads the value of a declared header. It may be a credential, so `Debug` hides it.
pub(super) fn header_value(value: &str) -> Result<HeaderValue, String> {
    let wrong = || "must consist of visible ASCII characters and blanks".to_owned();
    let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
    if value.to_str().is_err() {
        return Err(wrong());
    }
    value.set_sensitive(true);
    Ok(value)
}

/// Checks one string of a list.
pub(super) fn item(kind: Kind, text: &str) -> Result<(), String> {
    match kind {
        Kind::Texts => line(text),
        Kind::Words(words) => word(words, "", text).map(drop),
        Kind::Ranges => range(text),
        _ => name(text),
    }
}

/// Reads one credential of a list.
pub(super) fn secret_item(text: &str, rule: SecretRule) -> Result<Secret, String> {
    secret(text, rule)
}

/// Checks the name of an organization, a team or a user: it stands in addresses of the API.
fn id(text: &str) -> Result<(), String> {
    if accounts::is_id(text) {
        return Ok(());
    }
    Err(
        "must be 1 to 64 letters, digits, `-`, `_` or `.`, beginning with a letter or a digit, and \
         not `create`"
            .to_owned(),
    )
}

fn money_expected(text: &str) -> String {
    let most = Money::from_nano(LARGEST);
    let expected = Kind::Money.expected();
    match text.split_once('.') {
        Some((_, decimals)) if decimals.len() > 9 => {
            format!("expected {expected}, with at most nine decimals")
        }
        _ => format!("expected {expected}, of at most {most}"),
    }
}

fn zone(text: &str) -> Result<(), String> {
    if calendar::is_zone(text) {
        return Ok(());
    }
    let names = jiff::tz::db().available();
    let names: Vec<_> = names.map(|name| name.as_str().to_owned()).collect();
    let near = nearest(text, names.iter().map(String::as_str));
    let near = near
        .map(|near| format!("; did you mean \"{near}\"?"))
        .unwrap_or_default();
    Err(format!("expected {}{near}", Kind::Zone.expected()))
}

fn range(text: &str) -> Result<(), String> {
    if AddressRange::parse(text).is_some() {
        return Ok(());
    }
    Err(
        "expected an address or a range such as \"10.0.0.0/8\" or \"2001:db8::/32\", without \
         further bits behind the `/`"
            .to_owned(),
    )
}

/// Checks a name that other keys refer to.
fn name(text: &str) -> Result<(), String> {
    line(text)?;
    if text.chars().any(char::is_whitespace) {
        return Err("a name has no blanks".to_owned());
    }
    Ok(())
}

fn line(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("must be a single line without control characters".to_owned());
    }
    if text.chars().count() > LONGEST_TEXT {
        return Err(format!("is longer than {LONGEST_TEXT} characters"));
    }
    Ok(())
}

fn secret(text: &str, rule: SecretRule) -> Result<Secret, String> {
    let SecretRule {
        prefix,
        shortest,
        longest,
        form,
    } = rule;
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    // Credentials travel in headers, and a stray line end at the end of one is the usual slip.
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(
            "must consist of visible ASCII characters, without blanks or line ends".to_owned(),
        );
    }
    if !text.starts_with(prefix) {
        return Err(format!("must begin with `{prefix}`"));
    }
    if !(shortest..=longest).contains(&text.len()) {
        return Err(form.map_or_else(
            || format!("must have {shortest} to {longest} characters"),
            |form| format!("must be {form}"),
        ));
    }
    Ok(Secret::new(text))
}

fn url(text: &str) -> Result<String, String> {
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return Err("must begin with `http://` or `https://`".to_owned());
    }
    let uri = text
        .parse::<Uri>()
        .map_err(|_| "is not a valid address".to_owned())?;
    let authority = uri.authority().ok_or("is not a valid address")?;
    if authority.as_str().contains('@') {
        return Err("must not contain a user name or password".to_owned());
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err("has no host".to_owned());
    }
    let behind_host = authority.as_str().trim_start_matches(authority.host());
    if !behind_host.is_empty() && authority.port_u16().is_none_or(|port| port == 0) {
        return Err("has a port that is not between 1 and 65535".to_owned());
    }
    if uri.query().is_some() || text.contains('#') {
        return Err("must end with its path, without `?` or `#`".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Checks the address of a database. The store's own messages may repeat parts of the address,
/// so they are not passed on.
fn database(text: &str) -> Result<(), String> {
    let is_server = ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    if !is_server && !text.starts_with("sqlite://") {
        return Err("must begin with `sqlite://` or `postgres://`".to_owned());
    }
    line(text)?;
    let expected = if is_server {
        "must be `postgres://USER:PASSWORD@HOST:PORT/NAME`, where special characters of the \
         password are written as %XX, and behind a `?` at most options of PostgreSQL's own such \
         as `sslmode=verify-full`"
    } else {
        "must be `sqlite://` and the path of a file, without further options"
    };
    let usable = Location::of(text);
    usable.map(drop).map_err(|_| expected.to_owned())
}

fn provider(text: &str) -> Result<&'static Provider, String> {
    if let Some(provider) = provider::find(text) {
        return Ok(provider);
    }
    let near = nearest(text, provider::names());
    let near = near
        .map(|near| format!("; did you mean \"{near}\"?"))
        .unwrap_or_default();
    let known = one_of(provider::names());
    Err(format!(
        "this version knows no such provider: expected {known}; a server that speaks OpenAI's \
         format is reached as \"openai-compatible\" with a `base_url`{near}"
    ))
}

fn word(words: &[&'static str], hint: &str, text: &str) -> Result<&'static str, String> {
    if let Some(word) = words.iter().find(|word| **word == text) {
        return Ok(word);
    }
    let near = nearest(text, words.iter().copied());
    let near = near
        .map(|near| format!("; did you mean \"{near}\"?"))
        .unwrap_or_default();
    Err(format!(
        "expected {}{hint}{near}",
        one_of(words.iter().copied())
    ))
}

fn time(text: &str) -> Option<Timestamp> {
    let point = text.parse::<jiff::Timestamp>().ok()?;
    Some(Timestamp::from_millis(point.as_millisecond()))
}

fn within(kind: Kind, bounds: Bounds, number: u64) -> Result<u64, String> {
    let Bounds { least, most } = bounds;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(out_of_bounds(kind))
    }
}

fn out_of_bounds(kind: Kind) -> String {
    let bounds = kind.bounds().unwrap_or_default();
    format!(
        "is out of bounds: {} is accepted",
        bounds.replace(" to ", " up to ")
    )
}
