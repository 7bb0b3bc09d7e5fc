//! Changes of what is offered.

use std::sync::atomic::{AtomicU32, Ordering};

use tollgate_core::offer::{Alias, Offer, OfferKind, OfferStatus};

use super::*;
use crate::offers::Shelf;

static ADMIN: Manager = Manager::admin();

fn alias(name: &str) -> OfferChange {
    let at = Timestamp::from_millis(7);
    OfferChange::Put(Offer::Alias(Alias {
        name: name.into(),
        display_name: name.into(),
        provider: "openai".into(),
        model: "m".into(),
        connection: None,
        groups: Vec::new(),
        description: None,
        price_input: None,
        price_output: None,
        status: OfferStatus::Active,
        created_at: at,
        updated_at: at,
    }))
}

/// Each time everything is routed anew, which takes as long as there are models.
#[tokio::test]
async fn a_change_of_many_offers_is_told_once() {
    let world = World::new().await;
    let offers = world.accounts.offers();
    let told = Arc::new(AtomicU32::new(0));
    let teller = Arc::clone(&told);
    offers.when_changed(move || {
        teller.fetch_add(1, Ordering::SeqCst);
    });
    let many: Vec<_> = (0..1000)
        .map(|number| alias(&format!("a-{number}")))
        .collect();
    let fewer = vec![
        OfferChange::Remove(OfferKind::Alias, "a-0".into()),
        OfferChange::Remove(OfferKind::Alias, "a-1".into()),
        alias("a-2"),
    ];
    for (changes, count, times) in [(many, 1000, 1), (fewer, 998, 2)] {
        let decide = |_: &Shelf| {
            let told = "{}".to_owned();
            Ok(Decision { changes, told })
        };
        let action = ("access_group.models", "g");
        let changing = world.accounts.change_offers(&ADMIN, action, None, decide);
        changing.await.unwrap();
        assert_eq!(offers.shelf().aliases.len(), count);
        assert_eq!(told.load(Ordering::SeqCst), times);
    }
}
