//! The provider table: one row for each provider. One that speaks a known format is one more row.

pub(crate) mod path;
mod table;

use tollgate_core::format::{Format, Operation};
use tollgate_wire::quirks::Quirks;
use tollgate_wire::stream::Terminator;

pub use table::PROVIDERS;

/// A row: what is particular to one provider.
#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    /// The name in configurations, metrics and failures; lower case.
    pub name: &'static str,
    /// What it speaks. Calls of a format that is not among them are translated into the first.
    pub formats: &'static [Format],
    /// How it reads `OpenAI`'s format.
    pub quirks: Quirks,
    /// Where it is when the configuration does not say.
    pub home: Home,
    /// Ends of configured base URLs that are taken off, because the paths of its formats begin
    /// with them: people write the address with its version as often as without.
    pub endings: &'static [&'static str],
    /// How the paths of its formats are made.
    pub paths: Paths,
    /// Where embeddings are below the base URL, in `OpenAI`'s format; `None` if it has none.
    pub embeddings: Option<&'static str>,
    /// Where it answers a cheap question that needs the credential, below the base URL: its list
    /// of models, mostly. `None` if it has none: then only a call can tell whether it works.
    pub check: Option<&'static str>,
    /// How the connection's credential is put on a request.
    pub credential: CredentialStyle,
    /// Whether it may be asked without a credential, as servers of one's own often are.
    pub keyless: bool,
    /// How its streams end when they end well.
    pub terminator: Terminator,
    /// Whether it tells the number of a prompt's tokens, in those of its formats that can ask.
    pub counts: bool,
    /// Whether streams are asked for their usage, which this provider sends only then.
    pub ask_usage: bool,
    /// The headers that may carry its request id, the first one that is there counts.
    pub request_id_headers: &'static [&'static str],
}

/// Where a provider is when the configuration gives no base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// At its public API.
    Public(&'static str),
    /// At a host of the region that the configuration names.
    Regional(Regions),
    /// On this machine, where its server listens unless it is told otherwise.
    Local(&'static str),
    /// Nowhere: the configuration must say.
    Configured,
    /// Inside this process.
    InProcess,
}

/// Whose regions have hosts of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regions {
    /// `bedrock-runtime` of AWS.
    Aws,
    /// Vertex AI of Google Cloud, which calls them locations.
    Google,
}

/// How the path of a call is made below the base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paths {
    /// As its format has it.
    Format,
    /// Azure's: below `/openai/v1`, or, where the configuration gives a dated `api_version`, a
    /// path for each deployment.
    Azure,
    /// Vertex AI's: below the project and the location.
    Vertex,
}

/// How a credential is put on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialStyle {
    /// `Authorization: Bearer …`, when the connection has one.
    Bearer,
    /// In this header; or as a bearer token, when the configuration wants that.
    Header(&'static str),
    /// A bearer token, or a signature (version 4) for this service made with an access key.
    Aws(&'static str),
    /// A bearer token, or one that a service account is exchanged for.
    Google,
    /// Nothing is sent.
    None,
}

/// The row of this name.
pub fn find(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.name == name)
}

/// All names, in the order of the table: for messages about unknown ones.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROVIDERS.iter().map(|provider| provider.name)
}

impl Provider {
    /// The format in which a call of this format and operation is asked; `None` if the provider
    /// cannot be asked for it.
    pub fn format_for(&self, format: Format, operation: Operation) -> Option<Format> {
        match operation {
            Operation::Chat | Operation::CountTokens => {
                let own = self.formats.iter().find(|own| **own == format);
                own.or(self.formats.first()).copied()
            }
            // They have one format, for callers and for providers.
            Operation::Embeddings => self.embeddings.map(|_| Format::OpenAi),
        }
    }

    /// Whether it is told an account's organization, which is a thing of `OpenAI`'s formats.
    pub fn knows_organizations(&self) -> bool {
        self.formats.contains(&Format::OpenAi)
    }

    /// Whether a connection may be told to ask it in this format only. Servers of `OpenAI`'s
    /// format may have more of its APIs than the row takes for granted.
    pub fn may_speak(&self, format: Format) -> bool {
        let related = matches!(format, Format::Completions | Format::Responses);
        self.formats.contains(&format) || (related && self.formats.contains(&Format::OpenAi))
    }

    /// Where it is in a region; `None` if it is not found by its region.
    pub fn home_in(&self, region: &str) -> Option<String> {
        let Home::Regional(regions) = self.home else {
            return None;
        };
        Some(match regions {
            Regions::Aws => {
                let china = if region.starts_with("cn-") { ".cn" } else { "" };
                format!("https://bedrock-runtime.{region}.amazonaws.com{china}")
            }
            Regions::Google => match region {
                "global" => "https://aiplatform.googleapis.com".to_owned(),
                // Multi-regions.
                "us" | "eu" => format!("https://aiplatform.{region}.rep.googleapis.com"),
                _ => format!("https://{region}-aiplatform.googleapis.com"),
            },
        })
    }
}

#[cfg(test)]
mod tests;
