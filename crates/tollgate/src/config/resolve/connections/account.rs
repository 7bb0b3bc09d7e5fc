//! What a connection is known by at its provider, and where among the provider's regions it is.

use tollgate_core::format::Format;
use tollgate_upstream::provider::{CredentialStyle, Home, Paths, Provider, Regions};
use tollgate_upstream::settings::{ConnectionSettings, Identity, Place, SettingsProblem};
use tollgate_upstream::{AccessKey, ServiceAccount};

use super::Findings;
use crate::config::section::Section;

/// The formats that a connection may be held to.
const FORMATS: [Format; 8] = [
    Format::OpenAi,
    Format::Completions,
    Format::Responses,
    Format::Anthropic,
    Format::Gemini,
    Format::Bedrock,
    Format::Cohere,
    Format::Ollama,
];

/// The key that says where among its regions a provider is asked.
fn region_key(provider: &Provider) -> &'static str {
    match provider.home {
        Home::Regional(Regions::Google) => "location",
        _ => "region",
    }
}

/// Where the provider is.
pub(super) fn place(
    section: &Section,
    provider: &Provider,
    findings: &mut Findings<'_>,
) -> Option<Place> {
    let key = region_key(provider);
    let (base_url, region) = (section.text("base_url"), section.text(key));
    let is_regional = matches!(provider.home, Home::Regional(_));
    let found = match (base_url, region) {
        (None, Some(region)) if is_regional => Place::in_region(provider, region),
        (base_url, _) => Place::of(provider, base_url),
    };
    // What was given and is wrong has been reported as such.
    let missing = |name: &str| !section.was_given(name);
    match found {
        Ok(place) => return Some(place),
        Err(SettingsProblem::BaseUrlMissing) => {
            if missing("base_url") {
                let message = format!("is missing: the provider `{}` needs it", provider.name);
                findings.problem(section, "base_url", message);
            }
        }
        Err(SettingsProblem::RegionMissing) => {
            if missing("base_url") && missing(key) {
                findings.problem(section, key, region_missing(provider));
            }
        }
        Err(SettingsProblem::Name(_)) => findings.problem(section, key, NOT_PLAIN.to_owned()),
        Err(_) => {
            let message = "is not an address that can be used".to_owned();
            findings.problem(section, "base_url", message);
        }
    }
    None
}

const NOT_PLAIN: &str = "has characters other than letters, digits, `-` and `.`";

fn region_missing(provider: &Provider) -> String {
    let example = match provider.home {
        Home::Regional(Regions::Google) => "us-central1` or `global",
        _ => "us-east-1",
    };
    let name = provider.name;
    format!("is missing: the provider `{name}` is asked in one, such as `{example}`")
}

/// Reads everything about the account into the settings.
pub(super) fn read(
    section: &Section,
    settings: &mut ConnectionSettings,
    findings: &mut Findings<'_>,
) {
    let provider = settings.provider;
    let text = |key: &str| section.text(key).map(Into::into);
    settings.credential = section.secret("api_key").cloned();
    settings.bearer = section.word("auth") == Some("bearer");
    settings.region = text(region_key(provider));
    settings.project = text("project");
    settings.api_version = text("api_version");
    settings.identity = identity(section, provider, findings);
    if let Some(Identity::ServiceAccount(account)) = &settings.identity {
        let project = settings.project.take();
        settings.project = project.or_else(|| account.project().map(Into::into));
    }
    settings.format = format(section, provider, findings);
    check_use(section, provider, findings);
    check_credential(section, provider, findings);
    check_place(section, settings, findings);
}

fn identity(
    section: &Section,
    provider: &Provider,
    findings: &mut Findings<'_>,
) -> Option<Identity> {
    match provider.credential {
        CredentialStyle::Aws(_) => access_key(section, findings).map(Identity::AccessKey),
        CredentialStyle::Google => service_account(section, findings).map(Identity::ServiceAccount),
        CredentialStyle::Bearer | CredentialStyle::Header(_) | CredentialStyle::None => None,
    }
}

/// The two halves of an access key, each of which is nothing without the other.
const HALVES: [&str; 2] = ["access_key_id", "secret_access_key"];

fn access_key(section: &Section, findings: &mut Findings<'_>) -> Option<AccessKey> {
    let [id, secret] = HALVES;
    let is_wanted =
        HALVES.iter().any(|half| section.was_given(half)) || section.was_given("session_token");
    if !is_wanted {
        return None;
    }
    too_many(section, id, findings);
    for half in HALVES {
        if !section.was_given(half) {
            let message = "is missing: an access key has an id and a secret".to_owned();
            findings.problem(section, half, message);
        }
    }
    Some(AccessKey {
        id: section.secret(id)?.clone(),
        secret: section.secret(secret)?.clone(),
        session_token: section.secret("session_token").cloned(),
    })
}

fn service_account(section: &Section, findings: &mut Findings<'_>) -> Option<ServiceAccount> {
    const KEY: &str = "service_account";
    let text = section.secret(KEY)?;
    too_many(section, KEY, findings);
    match ServiceAccount::parse(text.expose()) {
        Ok(account) => Some(account),
        Err(problem) => {
            findings.problem(section, KEY, problem.to_string());
            None
        }
    }
}

fn too_many(section: &Section, other: &str, findings: &mut Findings<'_>) {
    if section.was_given("api_key") {
        let message = format!("is one credential too many beside `{other}`");
        findings.problem(section, "api_key", message);
    }
}

fn format(section: &Section, provider: &Provider, findings: &mut Findings<'_>) -> Option<Format> {
    let word = section.word("format")?;
    let format = FORMATS.into_iter().find(|format| format.as_str() == word)?;
    if provider.may_speak(format) {
        return Some(format);
    }
    let spoken = FORMATS.iter().filter(|format| provider.may_speak(**format));
    let spoken: Vec<_> = spoken
        .map(|format| format!("`{}`", format.as_str()))
        .collect();
    let (name, spoken) = (provider.name, spoken.join(", "));
    let message = format!("the provider `{name}` does not speak it; it speaks {spoken}");
    findings.problem(section, "format", message);
    None
}

/// Warns of settings that mean nothing at this provider.
fn check_use(section: &Section, provider: &Provider, findings: &mut Findings<'_>) {
    let credential = provider.credential;
    let is_aws = matches!(credential, CredentialStyle::Aws(_));
    let is_google = credential == CredentialStyle::Google;
    let uses = [
        ("organization", provider.knows_organizations()),
        ("region", is_aws),
        ("location", provider.paths == Paths::Vertex),
        ("project", provider.paths == Paths::Vertex),
        ("api_version", provider.paths == Paths::Azure),
        ("access_key_id", is_aws),
        ("secret_access_key", is_aws),
        ("session_token", is_aws),
        ("service_account", is_google),
    ];
    for (key, is_used) in uses {
        if !is_used && section.was_given(key) {
            let message = format!("the provider `{}` makes no use of it", provider.name);
            findings.warning(section, key, message);
        }
    }
    let may_choose = matches!(credential, CredentialStyle::Header(_));
    if !may_choose && section.word("auth") == Some("bearer") && section.was_given("auth") {
        let message = format!(
            "the provider `{}` has no other way of its own for a credential",
            provider.name
        );
        findings.warning(section, "auth", message);
    }
    if credential == CredentialStyle::None && section.was_given("api_key") {
        let message = format!("the provider `{}` takes no credential", provider.name);
        findings.warning(section, "api_key", message);
    }
}

fn check_credential(section: &Section, provider: &Provider, findings: &mut Findings<'_>) {
    // Behind a base URL of one's own, something else may know the credential.
    let is_own = section.was_given("base_url") && provider.home != Home::Configured;
    let instead = match provider.credential {
        CredentialStyle::Aws(_) => "; an access key (`access_key_id`) does as well",
        CredentialStyle::Google => "; a `service_account` does as well",
        CredentialStyle::Bearer | CredentialStyle::Header(_) | CredentialStyle::None => "",
    };
    let credentials: &[&str] = match provider.credential {
        CredentialStyle::Aws(_) => &["api_key", "access_key_id", "secret_access_key"],
        CredentialStyle::Google => &["api_key", "service_account"],
        CredentialStyle::Bearer | CredentialStyle::Header(_) | CredentialStyle::None => {
            &["api_key"]
        }
    };
    let has_one = credentials.iter().any(|key| section.was_given(key));
    if !provider.keyless && !is_own && !has_one {
        let name = provider.name;
        let message = format!("is missing: the provider `{name}` answers nobody without{instead}");
        findings.problem(section, "api_key", message);
    }
}

/// What the address and signatures are made of beyond the base URL.
fn check_place(section: &Section, settings: &ConnectionSettings, findings: &mut Findings<'_>) {
    let provider = settings.provider;
    match settings.check() {
        Err(SettingsProblem::RegionMissing) => {
            let key = region_key(provider);
            if !section.was_given(key) {
                findings.problem(section, key, region_missing(provider));
            }
        }
        Err(SettingsProblem::ProjectMissing) => {
            let is_unread = settings.identity.is_none() && section.was_given("service_account");
            if !section.was_given("project") && !is_unread {
                let name = provider.name;
                let message = format!(
                    "is missing: the provider `{name}` has it in its addresses, and no \
                     `service_account` names one"
                );
                findings.problem(section, "project", message);
            }
        }
        Err(SettingsProblem::Name("api_version")) => {
            findings.problem(section, "api_version", NOT_PLAIN.to_owned());
        }
        Err(SettingsProblem::Name(_)) => {
            findings.problem(section, region_key(provider), NOT_PLAIN.to_owned());
        }
        // Everything else is checked, and reported, where it is read.
        Ok(()) | Err(_) => {}
    }
}
