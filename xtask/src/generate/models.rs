//! The table of models: prices and context windows of the `genai-prices` crate, as integers, for
//! the providers that Tollgate knows.
//!
//! Only what a gateway charges by is taken: text tokens at the standard rates, with the step for
//! long prompts. Rates of batches and service tiers, and fees for requests, are left out.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Map, Value};

use crate::workspace::{Workspace, output};

/// Where the table lies, from the root of the repository.
pub(super) const PATH: &str = "crates/tollgate-core/data/models.tsv";

/// The crate's name for a provider, and ours. Where several of theirs are one of ours, the first
/// row that matches counts.
const PROVIDERS: &[(&str, &str)] = &[
    ("openai", "openai"),
    ("azure", "azure"),
    ("anthropic", "anthropic"),
    ("google", "google"),
    ("aws", "bedrock"),
    ("mistral", "mistral"),
    ("cohere", "cohere"),
    ("groq", "groq"),
    ("deepseek", "deepseek"),
    ("x-ai", "xai"),
    ("together", "together"),
    ("fireworks", "fireworks"),
    ("openrouter", "openrouter"),
    ("perplexity", "perplexity"),
    ("cerebras", "cerebras"),
];

/// The prices that are kept, in the order of their columns.
const RATES: [&str; 5] = [
    "input_mtok",
    "output_mtok",
    "cache_read_mtok",
    "cache_write_mtok",
    "cache_write_1h_mtok",
];

/// The table as it should be, by the version of the crate in the lock file.
pub(super) fn table(workspace: &Workspace) -> Result<String, String> {
    let (version, file) = source(workspace)?;
    let text =
        std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}\n", file.display()))?;
    let data: Value =
        serde_json::from_str(&text).map_err(|error| format!("the price data: {error}\n"))?;
    let mut table = format!(
        "# genai-prices {version}\n\
         # Made by `cargo xtask generate` from that crate (MIT, Pydantic). Prices are pico-USD per token.\n\
         # provider\tid\trule\tcontext\tinput\toutput\tcached input\tcache write\tcache write 1h\n"
    );
    for (theirs, ours) in PROVIDERS {
        let provider = data
            .as_array()
            .into_iter()
            .flatten()
            .find(|provider| *member(provider, "id") == **theirs)
            .ok_or_else(|| format!("the price data no longer has the provider {theirs}\n"))?;
        for model in member(provider, "models").as_array().into_iter().flatten() {
            table.push_str(&row(ours, model)?);
        }
    }
    Ok(table)
}

/// The version of the crate, and the file with its data.
fn source(workspace: &Workspace) -> Result<(String, PathBuf), String> {
    let manifest = workspace.root.join("Cargo.toml");
    let mut cargo = Command::new("cargo");
    cargo
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--manifest-path",
        ])
        .arg(manifest);
    let metadata: Value = serde_json::from_str(&output(&mut cargo)?)
        .map_err(|error| format!("cargo metadata: {error}\n"))?;
    let package = member(&metadata, "packages")
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| *member(package, "name") == "genai-prices")
        .ok_or("genai-prices is not among the dependencies\n")?;
    let text = |name: &str| {
        member(package, name)
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let mut file = PathBuf::from(text("manifest_path"));
    file.set_file_name("data");
    file.push("prices.json");
    Ok((text("version"), file))
}

/// One line, or none for a model without a price per token.
fn row(provider: &str, model: &Value) -> Result<String, String> {
    let id = member(model, "id").as_str().unwrap_or_default();
    let problem = |what: String| format!("{provider} {id}: {what}\n");
    let prices = standing(member(model, "prices"));
    if !prices.contains_key("input_mtok") && !prices.contains_key("output_mtok") {
        return Ok(String::new());
    }
    let rule = rule(member(model, "match")).map_err(problem)?;
    let context = match member(model, "context_window").as_u64() {
        Some(tokens) => tokens.to_string(),
        None => String::new(),
    };
    let mut line = format!("{provider}\t{id}\t{rule}\t{context}");
    for name in RATES {
        let rate = prices.get(name).map(rate).transpose().map_err(problem)?;
        line.push('\t');
        line.push_str(&rate.unwrap_or_default());
    }
    line.push('\n');
    Ok(line)
}

/// The day of the crate's release. Prices that begin later are taken with the release that comes
/// then: the table must not change by itself.
const RELEASED: &str = "2026-10-30";

/// The prices in force on that day: of those with a date the last one. Where prices differ by the
/// time of day, the highest: a charge may be too careful, never too small.
fn standing(prices: &Value) -> Map<String, Value> {
    let entries = match prices {
        Value::Object(only) => return only.clone(),
        Value::Array(entries) => entries,
        _ => return Map::new(),
    };
    let begun = |entry: &&Value| {
        let start = member(member(entry, "constraint"), "start_date").as_str();
        start.is_none_or(|start| start <= RELEASED)
    };
    let of_day = |entry: &&Value| !member(member(entry, "constraint"), "start_time").is_null();
    let base = entries.iter().rfind(|entry| begun(entry) && !of_day(entry));
    let input = |entry: &&Value| {
        member(member(entry, "prices"), "input_mtok")
            .as_f64()
            .unwrap_or_default()
    };
    base.into_iter()
        .chain(entries.iter().filter(of_day))
        .max_by(|one, other| input(one).total_cmp(&input(other)))
        .and_then(|entry| member(entry, "prices").as_object().cloned())
        .unwrap_or_default()
}

/// A rate with its step: `2500000` or `5000000>200000:10000000`. More than one step keeps the
/// first two prices' step and names the rest in order.
fn rate(value: &Value) -> Result<String, String> {
    let Some(object) = value.as_object() else {
        return pico(value).map(|price| price.to_string());
    };
    let mut text = pico(object.get("base").unwrap_or(&Value::Null))?.to_string();
    for tier in object
        .get("tiers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let start = member(tier, "start")
            .as_u64()
            .ok_or("a step without its start")?;
        // Writing to a string cannot fail.
        write!(text, ">{start}:{}", pico(member(tier, "price"))?).unwrap_or_default();
    }
    Ok(text)
}

/// USD per million tokens as pico-USD per token: a million times the number, by its digits, for
/// the data writes decimal fractions.
fn pico(value: &Value) -> Result<u64, String> {
    let text = value.to_string();
    if text.contains(['e', 'E']) {
        return round(value);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (fraction, rest) = fraction.split_at(fraction.len().min(6));
    if rest.bytes().any(|digit| digit != b'0') {
        return round(value);
    }
    let digits = format!("{whole}{fraction:0<6}");
    digits
        .parse()
        .map_err(|_| format!("the price {text} is no decimal number"))
}

/// A price with more digits than a pico-USD has, rounded up: never less than it is.
fn round(value: &Value) -> Result<u64, String> {
    let price = value.as_f64().ok_or("a price that is no number")?;
    let pico = (price * 1e6 - 1e-6).ceil();
    format!("{pico:.0}")
        .parse()
        .map_err(|_| format!("the price {value} cannot be rounded"))
}

/// A rule: alternatives with `|` between, of conditions with `&` between.
fn rule(value: &Value) -> Result<String, String> {
    let object = value.as_object().ok_or("a rule that is no object")?;
    let mut parts = Vec::new();
    for (kind, inner) in object {
        parts.push(match kind.as_str() {
            "or" => joined(inner, "|")?,
            "and" => {
                let inner = joined(inner, "&")?;
                if inner.contains('|') {
                    return Err("alternatives within conditions".to_owned());
                }
                inner
            }
            "equals" => literal('=', inner)?,
            "starts_with" => literal('^', inner)?,
            "ends_with" => literal('$', inner)?,
            "contains" => literal('*', inner)?,
            "regex" => pattern(inner.as_str().unwrap_or_default())?,
            other => return Err(format!("a condition of the unknown kind {other}")),
        });
    }
    Ok(parts.join("&"))
}

fn joined(rules: &Value, with: &str) -> Result<String, String> {
    let rules = rules.as_array().ok_or("a list of rules that is none")?;
    let rules: Result<Vec<_>, _> = rules.iter().map(rule).collect();
    Ok(rules?.join(with))
}

fn literal(kind: char, value: &Value) -> Result<String, String> {
    let text = value.as_str().ok_or("a condition that is no text")?;
    if text.contains(['|', '&', '\t', '\n']) {
        return Err(format!("{text} holds a character that rules are made of"));
    }
    Ok(format!("{kind}{}", text.to_lowercase()))
}

/// The few expressions that the data holds: a text with digits in some places, and the absence of
/// one part of a name. `#` stands for a digit, `@` for `-` or `@`, and a `!` at the end says that
/// the name goes on.
fn pattern(expression: &str) -> Result<String, String> {
    if expression == r"^(?!.*-[tT][tT][sS](?:$|-))" {
        return Ok("!tts".to_owned());
    }
    let unknown = || format!("the expression {expression} has no counterpart");
    let body = expression.strip_prefix('^').ok_or_else(unknown)?;
    let (body, open) = match body.strip_suffix('$') {
        Some(body) => (body, ""),
        None => (body, "!"),
    };
    let mut plain = body.replace(r"\.", ".").replace("[-@]", "@");
    for count in [8, 4, 2] {
        let digits = "#".repeat(count);
        plain = plain.replace(&format!(r"\d{{{count}}}"), &digits);
    }
    plain = plain.replace(r"\d", "#");
    if plain.contains(['\\', '(', '[', '{', '+', '?', '|', '&', '*']) {
        return Err(unknown());
    }
    Ok(format!("~{plain}{open}"))
}

/// A member of an object; `null` if it is not there.
fn member<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn prices_become_whole_pico_usd() {
        for (price, want) in [
            (json!(8), 8_000_000),
            (json!(0.0625), 62_500),
            (json!(1.25), 1_250_000),
            (json!(0.000_001), 1),
            (json!(0), 0),
            (json!(0.123_456_78), 123_457),
        ] {
            assert_eq!(pico(&price), Ok(want), "{price}");
        }
        assert!(pico(&json!("1")).is_err());
    }

    /// Providers that charge for each request, beside the tokens.
    const BY_REQUEST: &[&str] = &["perplexity"];

    #[test]
    fn the_table_agrees_with_the_crate_that_it_was_made_from() {
        use std::time::{Duration, UNIX_EPOCH};

        use genai_prices::{PriceRequest, Usage, UsageKey};
        use tollgate_core::catalogue;

        // The day of the crate's release, 30 October 2026, at midday and at two in the night.
        let released =
            [1_793_361_600, 1_793_325_600].map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
        let mut same = 0;
        let mut others = Vec::new();
        for (theirs, ours) in PROVIDERS {
            let calculator = genai_prices::Calculator::bundled();
            let provider = calculator
                .find_provider(Some(theirs), None)
                .unwrap()
                .unwrap();
            for model in provider.models() {
                if BY_REQUEST.contains(ours) {
                    continue;
                }
                let Some(entry) = catalogue::find(ours, model.id()) else {
                    continue;
                };
                for (prompt, answer) in [(1000_u32, 0_u32), (0, 1000), (2_000_000, 10)] {
                    let usage = Usage::from([
                        (UsageKey::INPUT_TOKENS, f64::from(prompt)),
                        (UsageKey::OUTPUT_TOKENS, f64::from(answer)),
                    ]);
                    let request = PriceRequest::new(model.id(), &usage).with_provider_id(theirs);
                    let calculated = released.iter().filter_map(|at| {
                        genai_prices::calculate(&request.clone().with_timestamp(*at)).ok()
                    });
                    let dearest = calculated
                        .map(|price| price.total_price)
                        .max_by(f64::total_cmp);
                    let Some(dearest) = dearest else {
                        continue;
                    };
                    let (prompt, answer) = (u64::from(prompt), u64::from(answer));
                    let pico = prompt * entry.price.input.at(prompt)
                        + answer * entry.price.output.at(prompt);
                    let want = dearest * 1e12;
                    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
                    let difference = (pico as f64 - want).abs();
                    if difference <= want * 1e-9 + 2000.0 {
                        same += 1;
                    } else {
                        others.push(format!("{ours} {}: {pico} and {want}", model.id()));
                    }
                }
            }
        }
        assert!(same > 2000, "{same} prices were compared");
        assert!(others.is_empty(), "{others:#?}");
    }

    #[test]
    fn rules_are_written_down_or_refused() {
        let rule_of = |value: Value| rule(&value);
        assert_eq!(
            rule_of(
                json!({"or": [{"equals": "A-1"}, {"and": [{"starts_with": "b"}, {"regex": "^(?!.*-[tT][tT][sS](?:$|-))"}]}]})
            ),
            Ok("=a-1|^b&!tts".to_owned())
        );
        assert_eq!(
            rule_of(json!({"regex": r"^x[-@]5\.1-\d{4}-\d{2}$"})),
            Ok("~x@5.1-####-##".to_owned())
        );
        assert_eq!(rule_of(json!({"regex": r"^x-\d"})), Ok("~x-#!".to_owned()));
        assert!(rule_of(json!({"regex": "^(a|b)$"})).is_err());
        assert!(rule_of(json!({"sounds_like": "x"})).is_err());
    }

    #[test]
    fn the_prices_of_the_release_count_at_their_dearest_time() {
        let prices = json!([
            {"prices": {"input_mtok": 1}},
            {"constraint": {"start_date": "2026-01-01"}, "prices": {"input_mtok": 2}},
            {"constraint": {"start_date": "2027-01-01"}, "prices": {"input_mtok": 9}},
        ]);
        assert_eq!(standing(&prices)["input_mtok"], 2);
        let prices = json!([
            {"prices": {"input_mtok": 1}},
            {"constraint": {"start_time": "01:00:00Z"}, "prices": {"input_mtok": 3}},
        ]);
        assert_eq!(
            standing(&prices)["input_mtok"],
            3,
            "the dearest time of the day"
        );
    }
}
