use std::time::{Duration, Instant};

use super::*;
use crate::id::{KeyId, OrgId, TeamId};
use crate::ledger::{Flags, Holder, Payer, Settlement};
use crate::money::{USD, Unit};
use crate::reply::Usage;

const NOON: i64 = 1_763_719_200_000;

fn wallet(team: &str) -> Arc<WalletId> {
    Arc::new(WalletId {
        holder: Holder::Team(TeamId::from_stored(team)),
        unit: Unit::Usd,
    })
}

fn id(count: u64) -> EntryId {
    EntryId::new(0xb007, count)
}

fn moved(amount: u64) -> Movement {
    Movement {
        amount,
        reference: None,
        reason: "".into(),
    }
}

fn entry(count: u64, team: &str, kind: Kind) -> Entry {
    Entry {
        id: id(count),
        at: Timestamp::from_millis(NOON),
        wallet: Some(wallet(team)),
        kind,
    }
}

fn top_up(count: u64, team: &str, amount: u64) -> Entry {
    entry(count, team, Kind::TopUp(moved(amount)))
}

fn settlement(count: u64, team: &str, charged: u64) -> Entry {
    let settlement = Settlement {
        held: charged,
        charged,
        shortfall: 1,
        payer: Payer {
            key: KeyId::from_stored("k"),
            user: None,
            team: TeamId::from_stored(team),
            organization: OrgId::from_stored("o"),
        },
        model: "m".into(),
        connection: "c".into(),
        price_version: "v".into(),
        usage: Usage {
            prompt: 10,
            completion: 4,
            ..Usage::default()
        },
        flags: Flags::NONE,
        request_id: "r".into(),
    };
    entry(count, team, Kind::Settlement(Box::new(settlement)))
}

fn refund(count: u64, team: &str, of: u64, amount: u64) -> Entry {
    let movement = moved(amount);
    let of = id(of);
    entry(count, team, Kind::Refund { movement, of })
}

fn release(count: u64, of: u64, amount: u64) -> Entry {
    let movement = moved(amount);
    let of = id(of);
    entry(count, "red", Kind::Release { movement, of })
}

fn spend(count: u64, of: u64, held: u64, amount: u64) -> Entry {
    let movement = moved(amount);
    let of = id(of);
    entry(count, "red", Kind::Spend { movement, of, held })
}

/// Puts each part on a page of its own.
fn pages(parts: &[&[Entry]]) -> Vec<Page> {
    let mut head = PageHead::default();
    let chain = parts.iter().map(|entries| {
        let page = Page::write(head, entries);
        head = page.head;
        page
    });
    chain.collect()
}

fn verified(pages: &[Page]) -> Report {
    let mut verifier = Verifier::default();
    for page in pages {
        verifier.take(page);
    }
    assert!(verifier.take_unresolved().is_empty());
    verifier.finish()
}

fn findings(entries: &[Entry]) -> Vec<String> {
    let report = verified(&pages(&[entries]));
    assert_eq!(report.found, u64::try_from(report.findings.len()).unwrap());
    report
        .findings
        .into_iter()
        .map(|finding| finding.what)
        .collect()
}

#[test]
fn balances_and_usage_follow_from_the_entries() {
    let pages = pages(&[
        &[top_up(1, "red", 100), top_up(2, "blue", 50)],
        &[
            settlement(3, "red", 30),
            settlement(4, "red", 20),
            settlement(5, "blue", 1),
            refund(6, "red", 3, 10),
            entry(7, "red", Kind::Hold(moved(40))),
        ],
        &[spend(8, 7, 40, 15), refund(9, "red", 3, 20)],
    ]);
    let mut verifier = Verifier::default();
    for page in &pages {
        verifier.take(page);
    }
    let mut usage: Vec<_> = verifier
        .usage()
        .map(|(of, sum)| (of.payer.team.clone(), sum))
        .collect();
    usage.sort_by(|one, other| one.0.cmp(&other.0));
    let sum = |calls: u64, cost| Sum {
        calls,
        prompt: 10 * calls,
        completion: 4 * calls,
        cost,
    };
    let team = TeamId::from_stored;
    assert_eq!(
        usage,
        [(team("blue"), sum(1, 2)), (team("red"), sum(2, 52))]
    );
    let report = verifier.finish();
    assert_eq!(report.findings, []);
    assert_eq!(
        (
            report.pages,
            report.entries,
            report.settlements,
            report.charged
        ),
        (3, 9, 3, 51)
    );
    let balance = |team: &str| report.wallets[&*wallet(team)];
    assert_eq!(
        balance("red"),
        Balance {
            balance: 65,
            entries: 7
        }
    );
    assert_eq!(
        balance("blue"),
        Balance {
            balance: 49,
            entries: 2
        }
    );
}

fn is_found(entries: &[Entry], said: &str) {
    let found = findings(entries);
    assert_eq!(found.len(), 1, "{said}: {found:?}");
    assert!(found[0].contains(said), "{said}: {found:?}");
}

#[test]
fn ids_amounts_and_times_that_cannot_be_are_found() {
    let good = || top_up(1, "red", 5);
    is_found(&[good(), good()], "is there twice");
    is_found(&[good(), settlement(2, "red", 6)], "less than nothing");
    is_found(&[top_up(1, "red", money::LARGEST + 1)], "which is too much");
    let nobodys = Entry {
        wallet: None,
        ..good()
    };
    is_found(&[nobodys], "is a top_up of no wallet");
    let old = Entry {
        at: Timestamp::from_millis(0),
        ..good()
    };
    is_found(&[old], "1970-01-01T00:00:00Z, which cannot be");
}

#[test]
fn refunds_of_more_than_was_taken_are_found() {
    let refunds = |refunds: &[Entry], said| {
        let mut entries = vec![top_up(1, "red", 5), settlement(2, "red", 5)];
        entries.extend_from_slice(refunds);
        is_found(&entries, said);
    };
    refunds(&[refund(3, "red", 2, 6)], "and it took 5");
    refunds(
        &[refund(3, "red", 2, 3), refund(4, "red", 2, 3)],
        "to 6, and it took 5",
    );
    refunds(&[refund(3, "blue", 2, 1)], "into another wallet");
    refunds(&[refund(3, "red", 1, 1)], "no settlement before it");
    refunds(&[refund(3, "red", 9, 1)], "no settlement before it");
}

#[test]
fn holds_that_end_twice_or_otherwise_than_they_began_are_found() {
    let ends = |ends: &[Entry], said| {
        let mut entries = vec![
            top_up(1, "red", 9),
            entry(2, "red", Kind::Hold(moved(5))),
            entry(3, "blue", Kind::Hold(moved(0))),
        ];
        entries.extend_from_slice(ends);
        is_found(&entries, said);
    };
    ends(&[release(4, 1, 5)], "no hold or has ended before");
    ends(
        &[release(4, 2, 5), release(5, 2, 5)],
        "no hold or has ended before",
    );
    ends(
        &[release(4, 2, 5), spend(5, 2, 5, 1)],
        "no hold or has ended before",
    );
    ends(&[release(4, 2, 4)], "is one of 5 in team:red:usd");
    ends(&[spend(4, 2, 4, 4)], "is one of 5 in team:red:usd");
    ends(&[release(4, 3, 0)], "in team:blue:usd");
    ends(&[spend(4, 2, 5, 6)], "spends 6 of a hold of 5");
}

#[test]
fn an_entry_of_tomorrow_is_found() {
    let mut verifier = Verifier::default();
    verifier.expect_none_after(Timestamp::from_millis(NOON - 1));
    verifier.take(&pages(&[&[top_up(1, "red", 5)]])[0]);
    assert_eq!(verifier.report().found, 1);
}

#[test]
fn pages_that_are_missing_changed_or_exchanged_are_found() {
    let good = pages(&[
        &[top_up(1, "red", 5)],
        &[top_up(2, "red", 6)],
        &[top_up(3, "red", 7)],
    ]);
    let what = |pages: &[Page]| {
        let report = verified(pages);
        let findings = report.findings.iter();
        let found = findings.map(|finding| (finding.page, finding.what.clone()));
        (
            found.collect::<Vec<_>>(),
            report.wallets[&*wallet("red")].balance,
        )
    };
    assert_eq!(what(&good), (vec![], 18));
    let gap = [good[0].clone(), good[2].clone()];
    assert_eq!(
        what(&gap),
        (vec![(3, "Page 3 came behind page 1.".to_owned())], 12)
    );
    let other = pages(&[&[top_up(9, "red", 1)], &[top_up(2, "red", 600)]]);
    let changed = Page {
        content: other[1].content.clone(),
        ..good[1].clone()
    };
    let hash = "Page 2 is not what was written: its hash differs.".to_owned();
    assert_eq!(
        what(&[good[0].clone(), changed, good[2].clone()]),
        (vec![(2, hash.clone())], 612)
    );
    // A page of another chain, whole in itself.
    assert_eq!(
        what(&[good[0].clone(), other[1].clone()]),
        (vec![(2, hash)], 605)
    );
    let cut = Page {
        content: good[0].content.slice(1..),
        ..good[0].clone()
    };
    let report = verified(&[cut]);
    assert_eq!(report.findings.len(), 2, "{:?}", report.findings);
}

#[test]
fn the_list_of_findings_is_bounded_and_their_count_is_not() {
    let entries: Vec<Entry> = (1..=500)
        .map(|count| refund(count, "red", 999, 1))
        .collect();
    let report = verified(&pages(&[&entries]));
    assert_eq!((report.findings.len(), report.found), (MOST_FINDINGS, 500));
}

#[test]
fn who_begins_later_is_told_what_to_look_up() {
    let all = pages(&[
        &[
            top_up(1, "red", 100),
            settlement(2, "red", 30),
            entry(3, "red", Kind::Hold(moved(20))),
        ],
        &[
            refund(4, "red", 2, 10),
            refund(5, "red", 2, 5),
            release(6, 3, 20),
            release(7, 3, 20),
        ],
    ]);
    let mut verifier = Verifier::behind(all[0].head, [(WalletId::clone(&wallet("red")), 50)]);
    verifier.take(&all[1]);
    let wants = |of, wants| Reference {
        page: 2,
        of: id(of),
        wallet: Some(wallet("red")),
        wants,
    };
    assert_eq!(
        verifier.take_unresolved(),
        [
            wants(2, Wants::Refund(10)),
            wants(2, Wants::Refund(15)),
            wants(3, Wants::Hold(20))
        ]
    );
    assert_eq!(verifier.balance(&wallet("red")).unwrap().balance, 105);
    // The second end of the hold needs no looking up to be one too many.
    assert_eq!(verifier.finish().found, 1);
}

#[test]
fn a_refund_of_a_settlement_of_long_ago_is_to_be_looked_up() {
    let mut entries = vec![top_up(1, "red", 100), settlement(2, "red", 30)];
    // One entry in each part of the ids, until the first part is forgotten.
    entries.extend((1..=300).map(|part| top_up(part * 4096, "red", 1)));
    entries.push(refund(3, "red", 2, 31));
    let mut verifier = Verifier::default();
    verifier.take(&pages(&[&entries])[0]);
    let unresolved = verifier.take_unresolved();
    assert_eq!(unresolved.len(), 1);
    assert_eq!(unresolved[0].wants, Wants::Refund(31));
    assert_eq!(verifier.finish().found, 0);
}

/// So many thousands of entries as `TOLLGATE_LEDGER_PAGES` says: 10000 in a release build for a
/// measurement.
#[test]
fn many_entries_are_verified_in_bounded_memory() {
    #[expect(
        clippy::disallowed_methods,
        reason = "asked for by whoever runs the test"
    )]
    let asked = std::env::var("TOLLGATE_LEDGER_PAGES");
    let pages = asked.map_or(30, |asked| asked.parse::<u64>().unwrap());
    let (mut verifier, mut head) = (Verifier::default(), PageHead::default());
    let mut bytes = 0;
    let mut took = Duration::ZERO;
    for page in 0..pages {
        let team = format!("team_{}", page % 100);
        let entry = |count: u64| match count {
            0 => top_up(page * 1000, &team, 1000 * USD),
            _ => settlement(page * 1000 + count, &team, 1_234_567 + count),
        };
        let mut entries: Vec<Entry> = (0..1000).map(entry).collect();
        for entry in &mut entries {
            entry.at = Timestamp::from_millis(NOON + i64::try_from(page).unwrap() * 1000);
        }
        let page = Page::write(head, &entries);
        head = page.head;
        bytes += page.content.len();
        let began = Instant::now();
        verifier.take(&page);
        took += began.elapsed();
    }
    let report = verifier.finish();
    println!("{} entries on {bytes} bytes: {took:?}", report.entries);
    assert_eq!((report.found, report.entries), (0, pages * 1000));
}
