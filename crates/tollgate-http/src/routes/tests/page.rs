//! The page of addresses says what there is: each of its addresses, with these methods and for
//! these people, and no endpoint is missing.

use http::Method;
use tollgate_core::right::Right;

use super::table::{SAMPLES, found, sample_of};
use crate::routes::saas::OwnView;

const PAGE: &str = include_str!("../../../../../docs/api.md");

/// A row of the page.
struct Row {
    addresses: Vec<&'static str>,
    methods: Vec<&'static str>,
    who: &'static str,
}

fn rows() -> Vec<Row> {
    let (_, table) = PAGE.split_once("| address |").unwrap();
    let lines = table.lines().skip(2);
    let rows = lines.take_while(|line| line.starts_with('|')).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let quoted = |cell: &'static str| cell.split('`').skip(1).step_by(2).collect();
        let &[addresses, methods, who, _] = &cells[..] else {
            panic!("{line}");
        };
        Row {
            addresses: quoted(addresses),
            methods: quoted(methods),
            who,
        }
    });
    rows.collect()
}

/// What the page says where this right is needed.
fn word(right: Right) -> &'static str {
    match right {
        Right::Public => "everybody",
        Right::Read => "`read`",
        Right::Write => "`write`",
        Right::Admin => "the admin key",
        Right::SeeOrganization
        | Right::ManageOrganization
        | Right::ManageTeams
        | Right::ManageUsers
        | Right::SeeKeys
        | Right::ManageKeys
        | Right::SeeUsage
        | Right::SeeAudit => right.as_str(),
    }
}

#[test]
fn every_address_of_the_page_is_there_for_whom_it_says() {
    for row in rows() {
        for address in row.addresses {
            let path = address.replace(['{', '}'], "");
            let endpoint = found(&path);
            let methods = endpoint.methods().iter();
            let shown: Vec<&Method> = methods.filter(|method| *method != Method::HEAD).collect();
            assert_eq!(shown, row.methods, "{address}");
            for method in shown {
                let right = word(endpoint.right(method));
                assert!(row.who.contains(right), "{method} {address}: {right}");
                let is_own = OwnView::of(endpoint, method).is_some();
                let says = row.who.contains("the team's own key");
                assert!(says || !is_own, "{method} {address}");
            }
        }
    }
}

#[test]
fn every_endpoint_is_on_the_page() {
    let addresses = rows().into_iter().flat_map(|row| row.addresses);
    let paths: Vec<String> = addresses
        .map(|address| address.replace(['{', '}'], ""))
        .collect();
    let known: Vec<&str> = paths.iter().map(|path| sample_of(found(path))).collect();
    for sample in SAMPLES {
        assert!(known.contains(sample), "{sample}");
    }
}
