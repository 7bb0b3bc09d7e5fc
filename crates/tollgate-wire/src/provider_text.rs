//! What a provider said, made fit to be shown: bounded, on one line, and without anything that
//! looks like a secret or like an account of ours.

use std::borrow::Cow;

/// No text of a provider is kept beyond this many bytes.
pub const LONGEST: usize = 2048;

/// What stands where something was taken out.
pub const REDACTED: &str = "[redacted]";

/// Only so much of a text is read at all; what a human needs stands at its beginning.
const READ: usize = 4 * LONGEST;

/// Beginnings of keys and tokens that providers give out.
const KEY_PREFIXES: [&str; 26] = [
    "sk-",
    "sk_",
    "pk-",
    "pk_",
    "rk_",
    "gsk_",
    "xai-",
    "hf_",
    "r8_",
    "AIza",
    "ya29.",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "AKIA",
    "ASIA",
    "nvapi-",
    "pplx-",
    "csk-",
    "tgp_",
    "fw_",
    "eyJ",
    "apikey-",
    "api-key-",
];

/// Beginnings of the ids of accounts. What follows must not look like a plain word.
const ACCOUNT_PREFIXES: [&str; 12] = [
    "org-", "org_", "proj-", "proj_", "project-", "project_", "user-", "user_", "acct_", "acct-",
    "team_", "ws_",
];

/// Beginnings of ids of things that the caller made or may quote to the provider.
const HARMLESS_PREFIXES: [&str; 14] = [
    "req_",
    "req-",
    "rs_",
    "msg_",
    "resp_",
    "call_",
    "fc_",
    "chatcmpl-",
    "cmpl-",
    "gen-",
    "toolu_",
    "file-",
    "item_",
    "run_",
];

/// A key follows one of these words, at most [`REACH`] words later.
const KEY_WORDS: [&str; 8] = [
    "bearer",
    "secret",
    "password",
    "passwd",
    "credential",
    "apikey",
    "api_key",
    "api-key",
];

/// With one of these before it, `key` or `token` speaks of a credential.
const KEY_ADJECTIVES: [&str; 8] = [
    "api",
    "access",
    "subscription",
    "private",
    "auth",
    "refresh",
    "virtual",
    "bearer",
];

/// An id of an account follows one of these words, at most [`REACH`] words later.
const ACCOUNT_WORDS: [&str; 12] = [
    "organization",
    "organisation",
    "org",
    "team",
    "project",
    "account",
    "tenant",
    "workspace",
    "subscription",
    "principal",
    "consumer",
    "customer",
];

const REACH: usize = 3;

/// Beginnings of ids that are redacted even when what follows reads like a word, and endings with
/// which they are names of members instead.
const OWNER_PREFIXES: [&str; 4] = ["org-", "org_", "proj-", "proj_"];
const MEMBER_ENDINGS: [&str; 9] = [
    "id", "ids", "key", "level", "limit", "name", "owner", "scoped", "wide",
];

/// What stands right behind one of these is its name, unless it is one of [`NO_NAMES`].
const OWNERS: [&str; 4] = ["organization", "organisation", "org", "project"];
const NO_NAMES: [&str; 39] = [
    "access",
    "account",
    "admin",
    "administrator",
    "and",
    "are",
    "as",
    "at",
    "billing",
    "by",
    "can",
    "do",
    "does",
    "for",
    "from",
    "has",
    "id",
    "ids",
    "in",
    "is",
    "level",
    "limit",
    "limits",
    "must",
    "name",
    "number",
    "of",
    "on",
    "or",
    "owner",
    "page",
    "policy",
    "quota",
    // What stands behind the apostrophe of `organization's`.
    "s",
    "settings",
    "that",
    "to",
    "was",
    "with",
];

/// Makes the text fit to be shown: whitespace folded, control characters dropped, secrets and
/// account ids replaced by [`REDACTED`], at most [`LONGEST`] bytes. `credential` is the secret
/// that was used for the call, if there was one.
pub fn clean(said: &str, credential: Option<&str>) -> String {
    let whole = without(said, credential);
    let folded = fold(head(&whole, READ));
    // Characters that were dropped may have stood in the middle of it.
    let folded = without(&folded, credential).into_owned();
    let mut cleaned = redact(&folded, Strictness::Cautious).unwrap_or(folded);
    if cleaned.len() > LONGEST {
        cleaned.truncate(cleaned.floor_char_boundary(LONGEST - '…'.len_utf8()));
        cleaned.push('…');
    }
    cleaned
}

/// Whether the text holds the credential, something in the form of a key, or an account id.
/// Unlike [`clean`] it lets long random words pass, which may be the caller's own data.
pub fn betrays(text: &str, credential: Option<&str>) -> bool {
    matches!(without(text, credential), Cow::Owned(_)) || redact(text, Strictness::Sure).is_some()
}

/// At most so many bytes from the beginning, without a word that the cut would split: a split
/// secret is not recognised any more.
pub(crate) fn head(text: &str, longest: usize) -> &str {
    if text.len() <= longest {
        return text;
    }
    let text = text
        .get(..text.floor_char_boundary(longest))
        .unwrap_or_default();
    let is_gap =
        |letter: char| letter.is_whitespace() || letter.is_control() || is_invisible(letter);
    text.rfind(is_gap)
        .and_then(|end| text.get(..end))
        .unwrap_or(text)
}

/// Takes the very credential out, in whatever context it stands.
pub(crate) fn without<'a>(text: &'a str, credential: Option<&str>) -> Cow<'a, str> {
    // A credential this short is a placeholder that would match ordinary words.
    const SHORTEST: usize = 6;
    match credential.filter(|secret| secret.len() >= SHORTEST && text.contains(*secret)) {
        Some(secret) => Cow::Owned(text.replace(secret, REDACTED)),
        None => Cow::Borrowed(text),
    }
}

/// One line without control and direction characters, which could forge lines of a log.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut gap = false;
    for letter in text.chars() {
        if letter.is_whitespace() {
            gap = !folded.is_empty();
        } else if !letter.is_control() && !is_invisible(letter) {
            if gap {
                folded.push(' ');
                gap = false;
            }
            folded.push(letter);
        }
    }
    folded
}

fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// How much must speak for a secret before it is taken for one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strictness {
    /// Its form or the words before it say so.
    Sure,
    /// It is long and random.
    Cautious,
}

/// Replaces what must not be shown; `None` if there was nothing.
fn redact(text: &str, strictness: Strictness) -> Option<String> {
    let mut shown = String::with_capacity(text.len());
    let mut found = false;
    let mut before: Vec<&str> = Vec::new();
    for word in text.split_inclusive([' ', '\n', '\t', '\r', '"', '\'', '`', '<', '>', ',']) {
        let (word, end) = split_delimiter(word);
        if has_guarded_url(word) || names_account(word) {
            shown.push_str(REDACTED);
            found = true;
        } else {
            for token in word.split_inclusive(is_separator) {
                let (token, separator) = split_delimiter(token);
                let bare = token.trim_end_matches(['.', '!']);
                let is_quoted = shown.ends_with(['`', '"', '\'', '<']);
                let is_in_path = shown.ends_with("projects/") && is_project(bare);
                if is_in_path
                    || is_secret(bare, &before, strictness)
                    || is_owner(bare, &before, is_quoted)
                {
                    shown.push_str(REDACTED);
                    shown.push_str(token.get(bare.len()..).unwrap_or_default());
                    // What was spoken of has been found.
                    before.clear();
                    found = true;
                } else {
                    shown.push_str(token);
                    before.extend(Some(token).filter(|token| !token.is_empty()));
                }
                shown.push_str(separator);
            }
        }
        shown.push_str(end);
    }
    found.then_some(shown)
}

/// Splits the delimiter off that `split_inclusive` left at the end.
fn split_delimiter(piece: &str) -> (&str, &str) {
    let is_delimiter = |letter: char| {
        is_separator(letter)
            || matches!(
                letter,
                ' ' | '\n' | '\t' | '\r' | '"' | '\'' | '`' | '<' | '>' | ','
            )
    };
    let last = piece
        .chars()
        .next_back()
        .filter(|letter| is_delimiter(*letter));
    piece
        .split_at_checked(piece.len() - last.map_or(0, char::len_utf8))
        .unwrap_or((piece, ""))
}

fn is_separator(letter: char) -> bool {
    matches!(
        letter,
        ':' | '/'
            | '='
            | '?'
            | '&'
            | '@'
            | '('
            | ')'
            | '['
            | ']'
            | '{'
            | '}'
            | ';'
            | '|'
            | '\\'
            | '#'
    )
}

/// A URL with a credential in it, or one that leads to a machine of a private network.
fn has_guarded_url(word: &str) -> bool {
    let Some((_, rest)) = word.split_once("://") else {
        return false;
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let query = path
        .split_once('?')
        .map_or("", |(_, query)| query)
        .to_ascii_lowercase();
    let keyed = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .any(|(name, _)| {
            ["key", "token", "secret", "sig", "password", "credential"]
                .iter()
                .any(|word| name.contains(word))
        });
    authority.contains('@') || keyed || is_private_host(authority)
}

/// Amazon's name of a resource, with the number of the account that it is in.
fn names_account(word: &str) -> bool {
    const DIGITS: usize = 12;
    word.split_once("arn:").is_some_and(|(_, name)| {
        name.split(':')
            .any(|part| part.len() == DIGITS && part.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// The id of a project in Google's name of a resource (`projects/ID/locations/…`), unless it is
/// a placeholder.
fn is_project(token: &str) -> bool {
    !token.is_empty() && token != REDACTED && token != "-"
}

fn is_private_host(authority: &str) -> bool {
    let host = authority.split(':').next().unwrap_or_default();
    let host = host.trim_end_matches(['.', ')', ']', '}', ';']);
    let is_number = !host.is_empty() && host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let inside = [
        ".internal",
        ".local",
        ".lan",
        ".svc",
        ".localdomain",
        ".corp",
    ];
    authority.starts_with('[')
        || is_number
        || !host.contains('.')
        || inside.iter().any(|ending| host.ends_with(ending))
}

fn is_secret(token: &str, before: &[&str], strictness: Strictness) -> bool {
    // A key can stand at the end of a path such as `body.sk-…`.
    let parts = || [token].into_iter().chain(token.split('.'));
    let follows = |prefixes: &[&str], least: usize| {
        parts()
            .flat_map(|part| {
                prefixes
                    .iter()
                    .filter_map(move |prefix| part.strip_prefix(prefix))
            })
            .find(|rest| rest.len() >= least)
    };
    token.contains("***") // a masked key still shows its ends
        || follows(&KEY_PREFIXES, 6).is_some()
        || follows(&ACCOUNT_PREFIXES, 6).is_some_and(is_no_plain_word)
        || is_key_by_context(token, before)
        || is_account_by_context(token, before)
        || parts().any(is_owner_by_prefix)
        || (strictness == Strictness::Cautious
            && is_random(token)
            && follows(&HARMLESS_PREFIXES, 1).is_none())
}

fn is_no_plain_word(text: &str) -> bool {
    text.bytes()
        .any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

fn is_key_by_context(token: &str, before: &[&str]) -> bool {
    if token.len() < 8 || token == REDACTED {
        return false;
    }
    let recent = before.iter().rev();
    let just_after = recent
        .clone()
        .next()
        .is_some_and(|word| is_any(word, &["bearer"]));
    let near = recent
        .clone()
        .zip(before.iter().rev().skip(1).map(Some).chain([None]))
        .take(REACH);
    let spoken_of = near.into_iter().any(|(word, earlier)| {
        is_any(word, &KEY_WORDS)
            || (is_any(word, &["key", "token", "id"])
                && earlier
                    .is_some_and(|word| is_any(word, &KEY_ADJECTIVES) || is_any(word, &["key"])))
    });
    just_after || (spoken_of && has_digit(token))
}

fn is_account_by_context(token: &str, before: &[&str]) -> bool {
    let numbers = token.bytes().filter(u8::is_ascii_digit).count();
    if token.len() < 8 || numbers < 4 {
        return false;
    }
    before.iter().rev().take(REACH).any(|word| {
        let stem = word.trim_end_matches(['s', '\u{2019}']);
        let stem = stem
            .strip_suffix("_id")
            .or(stem.strip_suffix("_number"))
            .unwrap_or(stem);
        is_any(stem, &ACCOUNT_WORDS)
    })
}

fn is_owner_by_prefix(part: &str) -> bool {
    let name = OWNER_PREFIXES
        .iter()
        .find_map(|prefix| part.strip_prefix(prefix));
    name.is_some_and(|name| !name.is_empty() && !is_any(name, &MEMBER_ENDINGS))
}

/// The name of an organization or a project, told by its place. A plain word is a name only in
/// quotation marks or in `in organization acme`.
fn is_owner(token: &str, before: &[&str], is_quoted: bool) -> bool {
    let mut recent = before.iter().rev();
    let is_behind = recent.next().is_some_and(|word| is_any(word, &OWNERS));
    if token.is_empty() || token == REDACTED || !is_behind || is_any(token, &NO_NAMES) {
        return false;
    }
    let is_plain = token.bytes().all(|byte| byte.is_ascii_lowercase());
    !is_plain || is_quoted || recent.next().is_some_and(|word| is_any(word, &["in"]))
}

fn is_any(word: &str, words: &[&str]) -> bool {
    words.iter().any(|other| word.eq_ignore_ascii_case(other))
}

/// A run of letters and digits that is too long and too mixed for a word or a model's name.
fn is_random(token: &str) -> bool {
    const LEAST: usize = 28;
    token
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .any(|run| {
            let digits = run.bytes().filter(u8::is_ascii_digit).count();
            run.len() >= LEAST && digits >= 4 && run.len() - digits >= 4
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_accounts_are_taken_out() {
        for (said, shown) in [
            (
                "Incorrect API key provided: sk-inval**************-key.",
                "Incorrect API key provided: [redacted].",
            ),
            (
                "Incorrect API key provided: bad-key-**********test. You",
                "Incorrect API key provided: [redacted]. You",
            ),
            ("key sk-proj-abcdefghijkl in use", "key [redacted] in use"),
            ("(gsk_abcdefgh1234)", "([redacted])"),
            (
                "Authorization: Bearer abcdefghijklm",
                "Authorization: Bearer [redacted]",
            ),
            ("invalid api_key=a1b2c3d4e5", "invalid api_key=[redacted]"),
            (
                "Your API key 9f8e7d6c5b4a is expired",
                "Your API key [redacted] is expired",
            ),
        ] {
            assert_eq!(clean(said, None), shown);
        }
    }

    #[test]
    fn organizations_and_projects_are_taken_out() {
        for (said, shown) in [
            (
                "in organization `org_01hrsvc1b8ey0anvbgha0xckf2` on",
                "in organization `[redacted]` on",
            ),
            (
                "in organization org-AbCdEf123456 on tokens",
                "in organization [redacted] on tokens",
            ),
            (
                "Project `proj_abc123XYZ` does not",
                "Project `[redacted]` does not",
            ),
            (
                "in organization org-simulated on tokens per min",
                "in organization [redacted] on tokens per min",
            ),
            (
                "in organization acme on tokens",
                "in organization [redacted] on tokens",
            ),
            ("Organization: Acme-Corp.", "Organization: [redacted]."),
            (
                "Project `proj_simulated` does not have access",
                "Project `[redacted]` does not have access",
            ),
            ("The project 'rocket' is", "The project '[redacted]' is"),
            (
                "denied for proj_x or org-y",
                "denied for [redacted] or [redacted]",
            ),
            (
                "Your team 00000000-0000-4000-8000-000000000000 has",
                "Your team [redacted] has",
            ),
            (
                "API key ID: 0a1b2c3d-0000-4000-8000-000000000000, Model: grok-4-0709",
                "API key ID: [redacted], Model: grok-4-0709",
            ),
            (
                "consumer 'project_number:391759213000'",
                "consumer 'project_number:[redacted]'",
            ),
        ] {
            assert_eq!(clean(said, None), shown);
        }
    }

    #[test]
    fn the_names_of_resources_do_not_tell_the_account() {
        for (said, shown) in [
            (
                "User: arn:aws:sts::123456789012:assumed-role/Admin/joe is not authorized",
                "User: [redacted] is not authorized",
            ),
            (
                "on resource: arn:aws:bedrock:us-east-1::foundation-model/x.y-v1:0 because",
                "on resource: arn:aws:bedrock:us-east-1::foundation-model/x.y-v1:0 because",
            ),
            (
                "Publisher Model `projects/acme/locations/eu/publishers/google/models/m` not found",
                "Publisher Model `projects/[redacted]/locations/eu/publishers/google/models/m` not found",
            ),
            (
                "{\"consumer\":\"projects/348715329010\"}",
                "{\"consumer\":\"projects/[redacted]\"}",
            ),
        ] {
            assert_eq!(clean(said, None), shown);
            assert_eq!(betrays(said, None), shown != said, "{said}");
        }
    }

    #[test]
    fn guarded_addresses_and_random_words_are_taken_out() {
        for (said, shown) in [
            (
                "at https://joe:pw12@example.com/x failed",
                "at [redacted] failed",
            ),
            (
                "GET https://example.com/v1?api_key=abc&x=1 failed",
                "GET [redacted] failed",
            ),
            (
                "connect http://10.0.0.5:8000/v1/models refused",
                "connect [redacted] refused",
            ),
            (
                "connect http://vllm-0:8000 refused",
                "connect [redacted] refused",
            ),
            ("id 0123456789abcdef0123456789abcdef", "id [redacted]"),
            (
                "{\"user_id\":\"user_2abCdEf\"}",
                "{\"user_id\":\"[redacted]\"}",
            ),
        ] {
            assert_eq!(clean(said, None), shown);
        }
    }

    #[test]
    fn what_helps_the_reader_stays() {
        for said in [
            "This model's maximum context length is 131072 tokens. However, you requested 141980 tokens (133980 in the messages).",
            "The model `meta-llama/llama-3.3-8b-instruct:free` does not exist",
            "llama-4-maverick-17b-128e-instruct-fp8 is not available",
            "Item 'rs_68c42de022c881948db7ed1cc2529f2e0202c9ad459e0d23' of type 'reasoning'",
            "See https://platform.openai.com/account/rate-limits and https://aka.ms/oai/quotaincrease.",
            "(ref: 96164522-08b2-4cbf-886e-e5a38961a688)",
            "Unexpected token 'gpt-4o-2024' in JSON; user_location is not supported, nor max_tokens: 4096",
            "Your organization must be verified; ask the organization owner, see the project settings",
            "The project has no access in organization settings, set org_id or `project`",
            "Your organization does not allow this",
            "This request would exceed your organization's rate limit of 30,000 input tokens",
            "Add credits at https://grok.com/?_s=usage",
        ] {
            assert_eq!(clean(said, None), said);
        }
    }

    #[test]
    fn the_credential_itself_never_shows() {
        let secret = "upstream canary";
        assert_eq!(
            clean("you sent upstream canary.", Some(secret)),
            "you sent [redacted]."
        );
        for split in ["upstream\n\tcanary", "up\u{0}stream \u{200b}canary"] {
            assert_eq!(clean(split, Some(secret)), "[redacted]");
        }
        assert!(betrays("{\"echo\":\"upstream canary\"}", Some(secret)));
        assert!(!betrays("{\"echo\":\"nothing\"}", Some(secret)));
        assert!(!betrays("a long word", Some("a")));
    }

    #[test]
    fn a_secret_that_a_cut_would_split_does_not_show() {
        for (gap, secret) in [
            (" ", "plain-words"),
            ("\u{200b}", "plain-words"),
            ("\u{1}", "sk-abcdef"),
        ] {
            for place in READ - 12..=READ {
                let said = format!("{}{secret} end", gap.repeat(place / gap.len()));
                let cleaned = clean(&said, Some("plain-words"));
                assert!(
                    !cleaned.contains("plain") && !cleaned.contains("sk-"),
                    "{cleaned}"
                );
            }
        }
    }

    #[test]
    fn the_callers_own_data_does_not_count_as_a_secret_for_the_unchanged_body() {
        let image = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42m";
        assert!(!betrays(image, None));
        assert!(betrays("in organization org-AbCdEf123456", None));
    }

    #[test]
    fn texts_are_one_bounded_line() {
        assert_eq!(
            clean("  a\r\n\tb \u{1b}[31mc\u{202e}\u{0}d  ", None),
            "a b [31mcd"
        );
        for filler in ["x", "é", "日本 ", "🦀"] {
            let cleaned = clean(&filler.repeat(5000), None);
            assert!(
                cleaned.len() <= LONGEST && cleaned.ends_with('…'),
                "{}",
                cleaned.len()
            );
        }
    }
}
