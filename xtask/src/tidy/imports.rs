//! Which crate may use which: the table of ARCHITECTURE.md as data, compared with what cargo
//! says. Tests may use more (dev-dependencies are not looked at).

use super::Finding;
use crate::workspace::Package;

const RULE: &str = "imports";

/// What one crate may use.
struct Row {
    name: &'static str,
    /// Crates of ours.
    ours: &'static [&'static str],
    /// Crates of others; `None` where any that the workspace declares will do.
    outside: Option<&'static [&'static str]>,
}

const TABLE: &[Row] = &[
    Row {
        name: "tollgate-core",
        ours: &[],
        outside: Some(&[
            "bytes",
            "hmac",
            "serde",
            "serde_json",
            "sha2",
            "subtle",
            "thiserror",
        ]),
    },
    Row {
        name: "tollgate-wire",
        ours: &["tollgate-core"],
        outside: Some(&["bytes", "memchr", "serde", "serde_json", "thiserror"]),
    },
    Row {
        name: "tollgate-engine",
        ours: &["tollgate-core"],
        outside: Some(&[
            "arc-swap",
            "bytes",
            "futures-core",
            "futures-util",
            "pin-project-lite",
            "thiserror",
            "tokio",
            "tracing",
        ]),
    },
    Row {
        name: "tollgate-upstream",
        ours: &["tollgate-core", "tollgate-wire", "tollgate-engine"],
        outside: None,
    },
    Row {
        name: "tollgate-store",
        ours: &["tollgate-core", "tollgate-engine"],
        outside: None,
    },
    Row {
        name: "tollgate-http",
        ours: &["tollgate-core", "tollgate-wire", "tollgate-engine"],
        outside: None,
    },
    // A provider must not know the gateway, or its faults would be ours.
    Row {
        name: "tollgate-simulator",
        ours: &[],
        outside: None,
    },
    // It is built into programs of others: nothing of the server, and little else.
    Row {
        name: "tollgate-client",
        ours: &["tollgate-core", "tollgate-wire"],
        outside: Some(&[
            "bytes",
            "getrandom",
            "http",
            "http-body-util",
            "httpdate",
            "hyper",
            "hyper-rustls",
            "hyper-util",
            "percent-encoding",
            "rustls",
            "rustls-platform-verifier",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
            "tracing",
        ]),
    },
    Row {
        name: "tollgate",
        ours: &[
            "tollgate-client",
            "tollgate-core",
            "tollgate-wire",
            "tollgate-engine",
            "tollgate-upstream",
            "tollgate-store",
            "tollgate-http",
            "tollgate-simulator",
        ],
        outside: None,
    },
    // It judges recorded errors, for the page about providers.
    Row {
        name: "xtask",
        ours: &["tollgate-core", "tollgate-wire"],
        outside: Some(&["bytes", "genai-prices", "serde_json"]),
    },
];

pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    packages
        .iter()
        .flat_map(|package| check_package(package, packages))
        .collect()
}

fn check_package(package: &Package, packages: &[Package]) -> Vec<Finding> {
    let finding = |advice: String| Finding::new(&package.manifest, 1, RULE, advice);
    let Some(row) = TABLE.iter().find(|row| row.name == package.name) else {
        let advice = format!(
            "`{}` has no row: add one to xtask/src/tidy/imports.rs and to ARCHITECTURE.md",
            package.name
        );
        return vec![finding(advice)];
    };
    let is_ours = |name: &str| packages.iter().any(|package| package.name == name);
    let complaint = |used: &String| {
        let name = used.as_str();
        if is_ours(name) {
            (!row.ours.contains(&name)).then(|| {
                format!(
                    "`{}` may not import `{name}`: what both need goes one level down",
                    row.name
                )
            })
        } else {
            row.outside
                .is_some_and(|allowed| !allowed.contains(&name))
                .then(|| {
                    format!(
                        "`{}` may not use the crate `{name}`: see its list in {}",
                        row.name,
                        file!()
                    )
                })
        }
    };
    package
        .dependencies
        .iter()
        .filter_map(complaint)
        .map(finding)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
            ..Package::default()
        }
    }

    #[test]
    fn a_sibling_may_not_be_imported() {
        let http = package("tollgate-http", &["tollgate-core", "tollgate-store"]);
        let packages = [
            http,
            package("tollgate-store", &[]),
            package("tollgate-core", &[]),
        ];
        let findings = check(&packages);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(
            findings[0]
                .advice
                .contains("may not import `tollgate-store`")
        );
    }

    #[test]
    fn core_may_use_only_the_crates_of_its_list() {
        let findings = check(&[package("tollgate-core", &["serde", "tokio"])]);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].advice.contains("`tokio`"));
        assert!(check(&[package("tollgate-http", &["tokio"])]).is_empty());
    }

    #[test]
    fn the_simulator_may_not_know_the_gateway() {
        let packages = [
            package("tollgate-simulator", &["tollgate-wire"]),
            package("tollgate-wire", &[]),
        ];
        assert_eq!(check(&packages).len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        assert!(
            check(&[package("tollgate-misc", &[])])[0]
                .advice
                .contains("has no row")
        );
    }
}
