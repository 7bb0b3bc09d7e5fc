//! Accounts at providers.

mod account;
mod checks;
mod fingerprint;

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use tollgate_core::id::OrgId;
use tollgate_core::route::limit::Limits;
use tollgate_upstream::provider::{Home, PROVIDERS, Provider};
use tollgate_upstream::settings::{ConnectionSettings, HttpVersion, Place, Roots, SettingsProblem};

use super::{Findings, limits};
use crate::config::Connection;
use crate::config::section::Section;
use crate::config::value::header_value;

/// What the built-in connection to the simulated provider is called.
pub(super) const SIMULATED: &str = "sim";

/// Reads all connections; without any, the simulated provider is connected.
pub(super) fn read(root: &Section, findings: &mut Findings<'_>) -> Vec<Connection> {
    let sections = root.sections("connections");
    let mut names = HashMap::new();
    for section in sections {
        if let Some(other) = section
            .text("name")
            .and_then(|name| names.insert(name, section))
        {
            let message = format!("`{}` is the same name", other.path_of("name"));
            findings.problem(section, "name", message);
        }
    }
    if sections.is_empty() {
        return built_in().into_iter().collect();
    }
    sections
        .iter()
        .filter_map(|section| connection(section, findings))
        .collect()
}

/// The connection that is there when none is declared.
fn built_in() -> Option<Connection> {
    let inside = |provider: &&Provider| provider.home == Home::InProcess;
    let provider = PROVIDERS.iter().find(inside)?;
    Some(Connection {
        settings: ConnectionSettings::new(SIMULATED, provider, Place::InProcess),
        limits: Limits::default(),
        checks: None,
        owner: None,
        fingerprint: 0,
    })
}

pub(in crate::config) fn connection(
    section: &Section,
    findings: &mut Findings<'_>,
) -> Option<Connection> {
    let provider = section.provider("provider");
    let place = provider.and_then(|provider| account::place(section, provider, findings));
    let authorities = authorities(section, findings);
    // Bound before the early return, so that every problem of the section is found.
    let (name, provider, place) = (section.text("name")?, provider?, place?);
    let mut settings = ConnectionSettings::new(Arc::<str>::from(name), provider, place);
    settings.http = http_version(section);
    let (certificates, roots) = authorities.unzip();
    settings.roots = roots;
    settings.organization = organization(section, findings);
    account::read(section, &mut settings, findings);
    let plain = settings.clone();
    let headers = section.headers("headers").iter();
    let allowed = |header: &&_| is_allowed(section, &plain, header, findings);
    settings.headers = headers.filter(allowed).cloned().collect();
    Some(Connection {
        settings,
        limits: limits(section),
        checks: checks::read(section),
        owner: section.text("owner").map(OrgId::from_stored),
        fingerprint: fingerprint::of(section, certificates.as_deref()),
    })
}

fn organization(section: &Section, findings: &mut Findings<'_>) -> Option<String> {
    let organization = section.text("organization")?;
    match header_value(organization) {
        Ok(_) => Some(organization.to_owned()),
        Err(message) => {
            findings.problem(section, "organization", message);
            None
        }
    }
}

/// Whether the upstream side accepts this header as one of a connection.
fn is_allowed(
    section: &Section,
    plain: &ConnectionSettings,
    header: &(HeaderName, HeaderValue),
    findings: &mut Findings<'_>,
) -> bool {
    let probe = ConnectionSettings {
        headers: vec![header.clone()],
        ..plain.clone()
    };
    let is_allowed = !matches!(probe.check(), Err(SettingsProblem::Header(_)));
    if !is_allowed {
        let message = format!(
            "the header `{}` cannot be declared: Tollgate sets it itself or never sends it; \
             credentials belong in `api_key`",
            header.0
        );
        findings.problem(section, "headers", message);
    }
    is_allowed
}

fn http_version(section: &Section) -> HttpVersion {
    match section.word("http") {
        Some("1") => HttpVersion::Http1,
        Some("2") => HttpVersion::Http2,
        _ => HttpVersion::Auto,
    }
}

/// The file of certificates, as it is and as it is used.
fn authorities(section: &Section, findings: &mut Findings<'_>) -> Option<(Vec<u8>, Roots)> {
    let path = section.path_to_file("ca_file")?;
    let read = std::fs::read(path).map_err(|error| format!("the file cannot be read: {error}"));
    let roots = read.and_then(|pem| match Roots::from_pem(&pem) {
        Ok(roots) => Ok((pem, roots)),
        Err(_) => Err("the file holds no usable certificate in PEM".to_owned()),
    });
    roots
        .map_err(|message| findings.problem(section, "ca_file", message))
        .ok()
}
