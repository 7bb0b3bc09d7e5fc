//! Errors, before they have the form of a family.

/// The parts of an error, filled in. Each family shows those that it has a place for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problem {
    /// The status.
    pub(crate) status: u16,
    /// The kind: `type`, or the status in words where a family calls it so.
    pub(crate) kind: Option<Box<str>>,
    /// The finer code or reason.
    pub(crate) code: Option<Box<str>>,
    /// The parameter at fault.
    pub(crate) param: Option<Box<str>>,
    /// The message.
    pub(crate) message: String,
    /// The wait that the body tells.
    pub(crate) wait: Option<Box<str>>,
    /// The quota that is used up.
    pub(crate) quota: Option<&'static str>,
    /// Whether the error comes from the edge, which leaves parts of the form out.
    pub(crate) is_edge: bool,
}

impl Problem {
    /// A request that the simulator itself refuses.
    pub(crate) fn invalid(status: u16, param: Option<&str>, message: &str) -> Self {
        Self {
            kind: Some("invalid_request_error".into()),
            param: param.map(Into::into),
            ..Self::plain(status, message)
        }
    }

    /// An error of the kind that is usual for its status.
    pub(crate) fn plain(status: u16, message: &str) -> Self {
        Self {
            status,
            message: message.to_owned(),
            ..Self::default()
        }
    }
}

/// A page as proxies in front of providers send it.
pub(crate) fn html(status: u16, message: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>api.simulated.example | {status}: \
         {message}</title>\n<meta charset=\"UTF-8\" />\n</head>\n<body>\n<h1>Error {status}</h1>\n\
         <p>{message}</p>\n<p>cf-simulated</p>\n</body>\n</html>\n"
    )
}
