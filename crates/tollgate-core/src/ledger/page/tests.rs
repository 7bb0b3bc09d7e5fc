use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::id::{KeyId, OrgId, TeamId, UserId};
use crate::ledger::{EntryId, Flags, Holder, Kind, Movement, Payer, Settlement, WalletId};
use crate::money::Unit;
use crate::reply::Usage;

/// Texts of which some occur again and again, as shared ones do.
fn text() -> BoxedStrategy<String> {
    prop_oneof![
        Just(String::new()),
        "[a-c]{1,2}",
        "\\PC{0,40}",
        Just("ü".repeat(500)),
    ]
    .boxed()
}

fn wallet() -> BoxedStrategy<Option<Arc<WalletId>>> {
    let wallet = (any::<bool>(), any::<bool>(), text()).prop_map(|(team, usd, id)| {
        let holder = if team {
            Holder::Team(TeamId::from_stored(&id))
        } else {
            Holder::Organization(OrgId::from_stored(&id))
        };
        let unit = if usd { Unit::Usd } else { Unit::Credits };
        Arc::new(WalletId { holder, unit })
    });
    proptest::option::of(wallet).boxed()
}

fn movement() -> BoxedStrategy<Movement> {
    (any::<u64>(), proptest::option::of(text()), text())
        .prop_map(|(amount, reference, reason)| Movement {
            amount,
            reference: reference.map(Into::into),
            reason: reason.into(),
        })
        .boxed()
}

fn payer() -> BoxedStrategy<Payer> {
    (text(), proptest::option::of(text()), text(), text())
        .prop_map(|(key, user, team, organization)| Payer {
            key: KeyId::from_stored(&key),
            user: user.map(|user| UserId::from_stored(&user)),
            team: TeamId::from_stored(&team),
            organization: OrgId::from_stored(&organization),
        })
        .boxed()
}

fn settlement() -> BoxedStrategy<Box<Settlement>> {
    let figures = any::<([u64; 3], [u64; 6], u16)>();
    let texts = (text(), text(), text(), text());
    (figures, payer(), texts)
        .prop_map(|((amounts, tokens, flags), payer, texts)| {
            Box::new(Settlement {
                held: amounts[0],
                charged: amounts[1],
                shortfall: amounts[2],
                payer,
                model: texts.0.into(),
                connection: texts.1.into(),
                price_version: texts.2.into(),
                usage: Usage {
                    prompt: tokens[0],
                    completion: tokens[1],
                    cached: tokens[2],
                    cache_written: tokens[3],
                    cache_written_1h: tokens[4],
                    reasoning: tokens[5],
                    bounded: Flags::from_bits(flags).has(Flags::BOUNDED),
                },
                flags: Flags::from_bits(flags),
                request_id: texts.3.into(),
            })
        })
        .boxed()
}

fn kind() -> BoxedStrategy<Kind> {
    let of = || any::<u128>().prop_map(EntryId::from_bits);
    let calls = || settlement().prop_map(Kind::Settlement);
    prop_oneof![
        movement().prop_map(Kind::TopUp),
        (movement(), any::<bool>())
            .prop_map(|(movement, taken)| Kind::Adjustment { movement, taken }),
        (movement(), of()).prop_map(|(movement, of)| Kind::Refund { movement, of }),
        movement().prop_map(Kind::Hold),
        (movement(), of()).prop_map(|(movement, of)| Kind::Release { movement, of }),
        (movement(), of(), any::<u64>()).prop_map(|(movement, of, held)| Kind::Spend {
            movement,
            of,
            held
        }),
        calls(),
        calls(),
        calls(),
        settlement().prop_map(Kind::Loss),
    ]
    .boxed()
}

fn entries() -> BoxedStrategy<Vec<Entry>> {
    let entry =
        (any::<u128>(), any::<i64>(), wallet(), kind()).prop_map(|(id, at, wallet, kind)| Entry {
            id: EntryId::from_bits(id),
            at: Timestamp::from_millis(at),
            wallet,
            kind,
        });
    proptest::collection::vec(entry, 1..24).boxed()
}

fn head() -> PageHead {
    PageHead {
        number: 6,
        hash: [7; 32],
    }
}

proptest! {
    #[test]
    fn every_field_of_every_entry_survives(entries in entries()) {
        let page = Page::write(head(), &entries);
        prop_assert_eq!(page.head.number, 7);
        prop_assert_eq!(page.read(head()), Ok(entries));
    }

    #[test]
    fn a_page_that_was_changed_in_one_place_is_found(
        entries in entries(),
        place in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let page = Page::write(head(), &entries);
        let mut content = page.content.to_vec();
        let place = place.index(content.len());
        content[place] ^= 1 << bit;
        let changed = Page { content: content.into(), ..page };
        prop_assert_eq!(changed.read(head()), Err(PageError::Hash(7)));
    }

    /// Without the hash in the way: what can be read at all is what would have been written.
    #[test]
    fn changed_bytes_are_refused_or_are_the_only_form_of_other_entries(
        entries in entries(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut content = Page::write(head(), &entries).content.to_vec();
        let place = place.index(content.len());
        content[place] = byte;
        content.truncate(content.len() - cut.index(content.len()) / 2);
        if let Ok(read) = Reader::read(&content) {
            prop_assert_eq!(Writer::write(&read), content);
        }
    }

    #[test]
    fn whatever_the_bytes_are_reading_ends(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Some(first) = bytes.first_mut() {
            *first = VERSION;
        }
        if let Ok(read) = Reader::read(&bytes) {
            prop_assert_eq!(Writer::write(&read), bytes);
        }
    }
}

fn moved(amount: u64, reference: Option<&str>) -> Movement {
    Movement {
        amount,
        reference: reference.map(Into::into),
        reason: "why".into(),
    }
}

fn called(request_id: &str) -> Box<Settlement> {
    Box::new(Settlement {
        held: 500,
        charged: 300,
        shortfall: 2,
        payer: Payer {
            key: KeyId::from_stored("k1"),
            user: Some(UserId::from_stored("ann")),
            team: TeamId::from_stored("red"),
            organization: OrgId::from_stored("acme"),
        },
        model: "gpt".into(),
        connection: "openai".into(),
        price_version: "v1".into(),
        usage: Usage {
            prompt: 10,
            completion: 20,
            cached: 3,
            cache_written: 4,
            cache_written_1h: 2,
            reasoning: 5,
            bounded: false,
        },
        flags: Flags::ESTIMATED.with(Flags::PARTIAL),
        request_id: request_id.into(),
    })
}

/// One entry of each kind, with figures that are told apart.
fn one_of_each() -> Vec<Entry> {
    let wallet = |unit| {
        let holder = Holder::Team(TeamId::from_stored("red"));
        Some(Arc::new(WalletId { holder, unit }))
    };
    let (usd, jobs) = (wallet(Unit::Usd), wallet(Unit::Credits));
    let of = EntryId::new(0xb007, 3);
    let adjustment = |amount, taken| Kind::Adjustment {
        movement: moved(amount, None),
        taken,
    };
    let (release, refund) = (moved(7, None), moved(300, None));
    let spend = Kind::Spend {
        movement: moved(4, None),
        of,
        held: 7,
    };
    let kinds = [
        (&usd, Kind::TopUp(moved(1_000_000_000, Some("order-1")))),
        (&usd, adjustment(5, false)),
        (&usd, adjustment(6, true)),
        (&jobs, Kind::Hold(moved(7, None))),
        (
            &jobs,
            Kind::Release {
                movement: release,
                of,
            },
        ),
        (&jobs, spend),
        (&usd, Kind::Settlement(called("r1"))),
        (&None, Kind::Loss(called("r2"))),
        (
            &usd,
            Kind::Refund {
                movement: refund,
                of,
            },
        ),
    ];
    let entries = (1_u64..).zip(kinds).map(|(count, (wallet, kind))| Entry {
        id: EntryId::new(0xb007, count),
        at: Timestamp::from_millis(1_763_719_445_000 + i64::try_from(count % 3).unwrap()),
        wallet: wallet.clone(),
        kind,
    });
    entries.collect()
}

/// The form is what every ledger out there is written in. If this fails, the version has to
/// change, and pages of this one must still be read.
#[test]
fn the_bytes_of_a_page_never_change() {
    let page = Page::write(PageHead::default(), &one_of_each());
    let hex = |bytes: &[u8]| -> String {
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        digits.collect()
    };
    let lines: Vec<String> = page.content.chunks(32).map(hex).collect();
    assert_eq!(lines, GOLDEN_CONTENT);
    assert_eq!(hex(&page.head.hash), GOLDEN_HASH);
    assert_eq!(page.read(PageHead::default()), Ok(one_of_each()));
}

const GOLDEN_CONTENT: &[&str] = &[
    "0109000000000000b007000000000000000192e8f7ddd4660100000372656401",
    "8094ebdc0301076f726465722d3103776879000000000000b007000000000000",
    "0002020102050003776879000000000000b00700000000000000030301030600",
    "03776879000000000000b0070000000000000004020201000507000377687900",
    "0000000000b0070000000000000005020206000000000000b007000000000000",
    "0003070003776879000000000000b00700000000000000060302070000000000",
    "00b007000000000000000307040003776879000000000000b007000000000000",
    "0007020108f403ac02020001026b310303616e6e00030461636d650403677074",
    "05066f70656e6169060276310a140304020505027231000000000000b0070000",
    "000000000008020009f403ac0202000405060a14030402050502723200000000",
    "0000b0070000000000000009030104000000000000b0070000000000000003ac",
    "020003776879",
];
const GOLDEN_HASH: &str = "ead6dc51456615d62217448e1aef6dce9d10ea1a4a04022b29a7e79d12f8ddd1";

#[test]
fn what_breaks_the_form_is_refused() {
    let page = Page::write(head(), &one_of_each());
    let refused = |content: &[u8]| Reader::read(content).unwrap_err();
    let mut longer = page.content.to_vec();
    longer.push(0);
    assert_eq!(refused(&longer), "something follows the last entry");
    assert_eq!(
        refused(&page.content[..page.content.len() - 1]),
        "it ends too early"
    );
    assert_eq!(refused(&[2, 1]), "its form has a version that is not known");
    assert_eq!(refused(&[1, 0]), "it has no entries");
    assert_eq!(
        refused(&[1, 0x81, 0x00]),
        "it has a number with more bytes than needed"
    );
    assert_eq!(
        refused(&[
            1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02
        ]),
        "it has a number that is too large"
    );
    assert_eq!(
        refused(&[1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0]),
        "it is too short for its entries"
    );
    let entry = |behind_id: &[u8]| {
        let mut content = vec![VERSION, 1];
        content.extend_from_slice(&[0; 16]);
        content.extend_from_slice(behind_id);
        content
    };
    assert_eq!(
        refused(&entry(&[0, 0, 10, 0, 0, 0])),
        "it has an entry of a kind that is not known"
    );
    assert_eq!(
        refused(&entry(&[0, 2, 0, 0, 1, 65, 1, 0, 0, 0])),
        "it refers to something that is not there"
    );
    assert_eq!(
        refused(&entry(&[0, 1, 4, 0, 1, 65, 1, 0, 0, 0])),
        "it has a wallet of nobody that is known"
    );
    assert_eq!(
        refused(&entry(&[0, 0, 1, 9, 2, 0])),
        "a reference is neither there nor missing"
    );
    assert_eq!(
        refused(&entry(&[0, 0, 1, 9, 0, 1, 0xff])),
        "it has a text that is not UTF-8"
    );
    assert_eq!(
        refused(&entry(&[0, 0, 1, 9, 0, 0x81, 0x08])),
        "it has a text that is too long"
    );
    // A payer whose key and team are the same text under two numbers.
    assert_eq!(
        refused(&entry(&[0, 0, 8, 0, 0, 0, 0, 0, 1, 65, 0, 1, 1, 65])),
        "it gives the same thing two numbers"
    );
}

#[test]
fn a_page_is_read_only_at_its_place() {
    let page = Page::write(head(), &one_of_each());
    let elsewhere = PageHead {
        number: 5,
        ..head()
    };
    assert_eq!(
        page.read(elsewhere),
        Err(PageError::Form(7, "it does not follow the page before"))
    );
    let behind_another = PageHead {
        hash: [8; 32],
        ..head()
    };
    assert_eq!(page.read(behind_another), Err(PageError::Hash(7)));
    let miscounted = Page {
        count: 3,
        ..page.clone()
    };
    assert!(matches!(miscounted.read(head()), Err(PageError::Form(..))));
    let misdated = Page {
        to: Timestamp::from_millis(0),
        ..page
    };
    assert!(matches!(misdated.read(head()), Err(PageError::Form(..))));
}

#[test]
fn a_long_reason_is_cut_between_characters() {
    let mut entries = vec![one_of_each().remove(0)];
    if let Kind::TopUp(movement) = &mut entries[0].kind {
        movement.reason = format!("x{}", "ü".repeat(LONGEST_TEXT)).into();
    }
    let read = Page::write(head(), &entries).read(head()).unwrap();
    let reason = &read[0].movement().unwrap().reason;
    assert_eq!(reason.len(), LONGEST_TEXT - 1);
}
