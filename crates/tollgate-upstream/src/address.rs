//! The addresses of a connection: made once where they are the same for every call.

use std::borrow::Cow;

use http::uri::{Authority, Parts, PathAndQuery, Scheme, Uri};
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure, FieldProblem};
use tollgate_core::format::{Format, Operation};

use crate::provider::path::{self, Wanted};
use crate::settings::{ConnectionSettings, Place, SettingsProblem};

/// Where the simulated provider inside this process has its API.
const INSIDE: &str = "/v1";

/// Where a call goes, as each version of HTTP writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) path: Uri,
    pub(crate) absolute: Uri,
}

/// All addresses of a connection. They differ in path and query only: nothing in a call can change
/// the host.
#[derive(Debug)]
pub(crate) struct Addresses {
    scheme: Scheme,
    authority: Authority,
    /// The path of the base URL, less what the paths of the formats begin with.
    root: Box<str>,
    /// Those that are the same for every model, the provider's first format first.
    fixed: Vec<(Format, Operation, Address)>,
    /// Where a cheap question is answered.
    check: Option<Address>,
}

impl Addresses {
    /// Makes the addresses of a connection. Fails when its settings do not say where it is.
    pub(crate) fn new(settings: &ConnectionSettings) -> Result<Self, SettingsProblem> {
        let (scheme, authority, base) = match &settings.place {
            Place::Url(url) => (url.scheme.clone(), url.authority.clone(), &*url.path),
            Place::InProcess => (Scheme::HTTP, Authority::from_static("simulator"), INSIDE),
        };
        let endings = settings.provider.endings.iter();
        let root = endings.fold(None, |found: Option<&str>, ending| {
            found.or_else(|| base.strip_suffix(ending))
        });
        let mut addresses = Self {
            scheme,
            authority,
            root: root.unwrap_or(base).into(),
            fixed: Vec::new(),
            check: None,
        };
        let formats = settings.provider.formats.iter().chain(&settings.format);
        for (format, operation) in formats
            .flat_map(|format| {
                [
                    (*format, Operation::Chat),
                    (*format, Operation::CountTokens),
                ]
            })
            .chain([(Format::OpenAi, Operation::Embeddings)])
        {
            let Some(path) = path::fixed(settings, &addresses.root, format, operation) else {
                continue;
            };
            let address = addresses.checked(path)?;
            addresses.fixed.push((format, operation, address));
        }
        if let Some(path) = path::of_check(settings, &addresses.root) {
            addresses.check = Some(addresses.checked(path)?);
        }
        Ok(addresses)
    }

    /// Where a cheap question is answered, if it is anywhere.
    pub(crate) fn check(&self) -> Option<&Address> {
        self.check.as_ref()
    }

    fn checked(&self, path: String) -> Result<Address, SettingsProblem> {
        self.address(path.clone())
            .map_err(|_| SettingsProblem::BaseUrl(path, "its path cannot be part of an address"))
    }

    /// The address of a call that is asked in this format. Fails if the name of the model cannot
    /// be part of an address.
    pub(crate) fn find(
        &self,
        settings: &ConnectionSettings,
        call: &Call,
        format: Format,
        model: &str,
    ) -> Result<Cow<'_, Address>, Failure> {
        let operation = call.operation;
        let mut fixed = self.fixed.iter();
        let fixed = fixed.find(|(of, to, _)| *of == format && *to == operation);
        match (fixed, query(call, format)) {
            (Some((_, _, address)), None) => return Ok(Cow::Borrowed(address)),
            (Some((_, _, address)), Some(query)) => {
                let path = address.path.path();
                return self
                    .address(format!("{path}?{query}"))
                    .map(Cow::Owned)
                    .map_err(|problem| unusable(call).because(problem));
            }
            (None, _) => {}
        }
        let wanted = Wanted {
            format,
            operation,
            stream: call.stream,
            model,
        };
        let path = path::of_model(settings, &self.root, wanted)
            .map_err(|path::Unusable| unusable(call))?;
        let address = self.address(path);
        address
            .map(Cow::Owned)
            .map_err(|problem| unusable(call).because(problem))
    }

    fn address(&self, path: String) -> Result<Address, http::Error> {
        let path = PathAndQuery::try_from(path)?;
        let mut parts = Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path.clone());
        Ok(Address {
            path: Uri::from(path),
            absolute: Uri::from_parts(parts)?,
        })
    }
}

/// The caller's query, where it goes on: Anthropic's clients switch features on with it.
fn query(call: &Call, format: Format) -> Option<&str> {
    let is_same = format == Format::Anthropic && call.format == format;
    call.query.as_deref().filter(|_| is_same)
}

fn unusable(call: &Call) -> Failure {
    const SENTENCE: &str = "The name of the model cannot be part of the provider's address.";
    let failure = Failure::client(Code::InvalidRequest)
        .message(format!("{SENTENCE} Check its spelling."))
        .field(FieldProblem {
            path: "model".to_owned(),
            message: SENTENCE.to_owned(),
            kind: "value_error",
        });
    failure.model(call.model.as_ref())
}
