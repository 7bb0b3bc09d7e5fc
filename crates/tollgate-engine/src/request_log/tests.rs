//! Rows go in, are written, merged and forgotten, and are found wherever they are.

use tollgate_core::key::Tenancy;
use tollgate_core::request_log::{Bodies, Filter, Row, Segment};
use tollgate_core::time::Timestamp;

use super::*;
use crate::port::LogStore as _;
use crate::testing::{self, ManualClock, MemoryStore};

const NOW: i64 = 1_795_255_200_000;

struct World {
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    log: Arc<RequestLog>,
}

impl World {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(NOW)));
        let log = Arc::new(RequestLog::new(store.clone(), clock.clone()));
        Self { store, clock, log }
    }

    /// One that has read what is kept.
    async fn loaded() -> Self {
        let world = Self::new();
        world.log.load().await;
        world
    }

    async fn write(&self) {
        self.log.write_all(Taking::All).await;
    }

    async fn page(&self, filter: &Filter, limit: usize, offset: u64) -> Page {
        self.log.query(filter, limit, offset).await.unwrap()
    }

    async fn ids(&self, filter: &Filter, limit: usize, offset: u64) -> Vec<String> {
        let page = self.page(filter, limit, offset).await;
        let ids = page.rows.iter().map(|row| row.request_id.to_string());
        ids.collect()
    }

    /// A log of another process on the same store.
    async fn again(&self) -> Self {
        let log = RequestLog::new(self.store.clone(), self.clock.clone());
        log.load().await;
        Self {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            log: Arc::new(log),
        }
    }
}

/// A call that ended so many milliseconds after the beginning.
fn draft(number: i64) -> Draft {
    let code = if number % 10 == 3 {
        "provider_error"
    } else {
        "ok"
    };
    Draft {
        at: Timestamp::from_millis(NOW - 1_000_000 + number),
        duration: Duration::from_millis(number.unsigned_abs() % 500),
        request_id: format!("r{number}").into(),
        caller: testing::caller(if number % 2 == 0 { "even" } else { "odd" }, &["*"]),
        called: Called::default(),
        surface: "chat",
        code,
        status: if code == "ok" { 200 } else { 502 },
        stream: false,
        attempts: 1,
        usage: None,
        cost: 7,
        lost: 0,
        first_byte: None,
        provider_request_id: None,
        trail: None,
        bodies: None,
    }
}

fn bad() -> Filter {
    Filter {
        success: Some(false),
        ..Filter::default()
    }
}

#[tokio::test]
async fn rows_are_found_before_and_after_they_are_written_the_newest_first() {
    let world = World::loaded().await;
    for number in 0..30 {
        world.log.push(draft(number));
        if number % 7 == 0 {
            world.write().await;
        }
    }
    let all = Filter::default();
    let expected: Vec<String> = (0..30).rev().map(|number| format!("r{number}")).collect();
    assert_eq!(world.ids(&all, 100, 0).await, expected);
    assert_eq!(world.ids(&all, 4, 26).await, expected[26..]);
    assert_eq!(world.ids(&all, 5, 3).await, expected[3..8]);
    assert_eq!(world.ids(&bad(), 100, 0).await, ["r23", "r13", "r3"]);
    assert_eq!(world.ids(&bad(), 1, 1).await, ["r13"]);
    let page = world.page(&bad(), 1, 1).await;
    assert_eq!((page.total, page.is_exact, page.has_more), (3, true, true));
    assert!(!world.page(&bad(), 2, 1).await.has_more);
    world.write().await;
    assert_eq!(world.ids(&all, 100, 0).await, expected);
    assert_eq!(world.again().await.ids(&all, 100, 0).await, expected);
    let reading = world.log.read();
    assert_eq!(
        (reading.written, reading.dropped, reading.waiting),
        (30, 0, 0)
    );
}

#[tokio::test]
async fn bounds_of_time_within_a_segment_are_exact() {
    let world = World::loaded().await;
    (0..100).for_each(|number| world.log.push(draft(number)));
    world.write().await;
    let at = |number: i64| Some(Timestamp::from_millis(NOW - 1_000_000 + number));
    let filter = Filter {
        from: at(40),
        to: at(43),
        ..Filter::default()
    };
    assert_eq!(world.ids(&filter, 100, 0).await, ["r42", "r41", "r40"]);
    assert_eq!(world.page(&filter, 1, 0).await.total, 3);
}

#[tokio::test]
async fn one_row_is_found_by_its_id_and_by_that_of_the_request_but_not_by_strangers() {
    let world = World::loaded().await;
    (0..100).for_each(|number| world.log.push(draft(number)));
    world.write().await;
    let all = Filter::default();
    let row = world.log.get("r42", &all).await.unwrap().unwrap();
    assert_eq!(&*row.request_id, "r42");
    let same = world.log.get(&row.id(), &all).await.unwrap();
    assert_eq!(same.as_ref(), Some(&row));
    assert_eq!(world.log.get("r100", &all).await.unwrap(), None);
    assert_eq!(world.log.get("log_x", &all).await.unwrap(), None);
    let stranger = Filter {
        team: Some("other".into()),
        ..Filter::default()
    };
    assert_eq!(world.log.get("r42", &stranger).await.unwrap(), None);
    assert_eq!(world.log.get(&row.id(), &stranger).await.unwrap(), None);
    let own = Filter {
        team: Some(Tenancy::default().team.as_str().into()),
        ..Filter::default()
    };
    assert!(world.log.get("r42", &own).await.unwrap().is_some());
}

#[tokio::test]
async fn a_full_queue_loses_rows_and_counts_them() {
    let world = World::loaded().await;
    let count = i64::try_from(MOST_WAITING).unwrap() + 5;
    (0..count).for_each(|number| world.log.push(draft(number)));
    assert_eq!(world.log.read().dropped, 5);
    let mut large = draft(1);
    large.bodies = Some(Box::new(Bodies {
        request: vec![0; MOST_TEXT].into(),
        answer: vec![0; 1].into(),
    }));
    world.write().await;
    world.log.push(large);
    assert_eq!(world.log.read().dropped, 6);
    assert_eq!(world.log.read().written, MOST_WAITING as u64);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_long_costs_rows_and_they_are_counted() {
    let world = World::loaded().await;
    world.store.set_broken(true);
    (0..10).for_each(|number| world.log.push(draft(number)));
    world.write().await;
    let reading = world.log.read();
    assert_eq!((reading.written, reading.dropped), (0, 10));
    assert!(reading.failures > 10, "{}", reading.failures);
    world.store.set_broken(false);
    world.log.push(draft(11));
    world.write().await;
    assert_eq!(world.log.read().written, 1);
    assert_eq!(world.ids(&Filter::default(), 10, 0).await, ["r11"]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_a_moment_costs_nothing() {
    let world = World::loaded().await;
    world.store.set_broken(true);
    (0..10).for_each(|number| world.log.push(draft(number)));
    let mending = async {
        tokio::time::timeout(Duration::from_secs(5), std::future::pending::<()>())
            .await
            .unwrap_err();
        world.store.set_broken(false);
    };
    tokio::join!(world.write(), mending);
    let reading = world.log.read();
    assert_eq!((reading.written, reading.dropped), (10, 0));
    assert!(reading.failures > 0);
}

#[tokio::test(start_paused = true)]
async fn the_end_writes_what_is_left() {
    let world = World::new();
    let log = Arc::clone(&world.log);
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let ending = async {
        (0..10).for_each(|number| world.log.push(draft(number)));
        tell.send(()).unwrap();
    };
    let end = async {
        told.await.unwrap();
    };
    tokio::join!(log.run(end), ending);
    assert_eq!(world.log.read().written, 10);
    assert_eq!(world.again().await.ids(&bad(), 10, 0).await, ["r3"]);
}

#[tokio::test]
async fn small_segments_are_merged_and_their_rows_stay_where_they_were() {
    let world = World::loaded().await;
    for number in 0..50 {
        world.log.push(draft(number));
        world.write().await;
    }
    let all = Filter::default();
    let before = world.page(&all, 100, 0).await;
    assert_eq!(world.log.read().segments, 50);
    world.log.keep_order().await;
    assert!(world.log.read().segments < 9, "{:?}", world.log.read());
    assert_eq!(world.page(&all, 100, 0).await, before);
    assert_eq!(world.again().await.page(&all, 100, 0).await, before);
    assert_eq!(world.log.read().rows, 50);
}

#[tokio::test]
async fn a_page_is_right_though_segments_are_merged_while_it_is_read() {
    let world = World::loaded().await;
    for number in 0..50 {
        world.log.push(draft(number));
        world.write().await;
    }
    let search = world.log.search(&Filter::default()).await.unwrap();
    let spots: Vec<_> = search
        .items
        .iter()
        .map(|item| (Arc::clone(item), 0))
        .collect();
    assert_eq!(search.rows(&spots).await.unwrap().unwrap().len(), 50);
    world.log.keep_order().await;
    assert_eq!(search.rows(&spots).await.unwrap(), None);
    drop(search);
    assert_eq!(world.ids(&bad(), 1, 0).await, ["r43"]);
}

#[tokio::test]
async fn what_is_too_old_is_not_shown_and_soon_forgotten() {
    let world = World::loaded().await;
    world.log.set_settings(Settings {
        retention: Duration::from_millis(1_000_000 - 50),
        ..Settings::default()
    });
    (0..100).for_each(|number| {
        world.log.push(draft(number));
    });
    world.write().await;
    let all = Filter::default();
    assert_eq!(world.page(&all, 100, 0).await.total, 50);
    assert_eq!(world.log.get("r49", &all).await.unwrap(), None);
    assert!(world.log.get("r50", &all).await.unwrap().is_some());
    world.clock.advance(Duration::from_millis(100));
    assert_eq!(world.page(&all, 100, 0).await.total, 0);
    world.log.keep_order().await;
    assert_eq!(world.log.read().segments, 0);
    assert!(
        world
            .store
            .segment_summaries(0, 9)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_log_that_is_switched_off_keeps_nothing() {
    let world = World::loaded().await;
    world.log.set_settings(Settings {
        enabled: false,
        ..Settings::default()
    });
    world.log.push(draft(1));
    assert_eq!(world.log.read(), Reading::default());
    assert_eq!(world.log.keeps_bodies(&testing::caller("a", &["*"])), None);
}

#[tokio::test]
async fn indexes_that_do_not_fit_into_memory_are_read_when_they_are_needed() {
    let world = World::loaded().await;
    for number in 0..200 {
        world.log.push(draft(number));
        world.write().await;
    }
    let expected = world.page(&bad(), 100, 2).await;
    *world.log.directory() = Directory::new(3000);
    world.log.load().await;
    assert!(world.log.directory().memory() < 200_000);
    let items = world.log.directory().all();
    let kept = items.iter().filter(|item| item.index().is_some()).count();
    assert!((1..20).contains(&kept), "{kept}");
    let filter = Filter {
        min_ms: Some(3),
        ..bad()
    };
    assert_eq!(world.page(&filter, 100, 2).await, expected);
    assert!(
        world
            .log
            .get("r7", &Filter::default())
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn sums_and_errors_are_those_of_the_rows() {
    let world = World::loaded().await;
    (0..100).for_each(|number| world.log.push(draft(number)));
    world.write().await;
    let stats = world.log.stats(&Filter::default()).await.unwrap();
    assert_eq!(
        (stats.all.calls, stats.all.good, stats.all.cost),
        (100, 90, 700)
    );
    assert!(stats.is_complete);
    assert_eq!(stats.all.mean_ms(), Some(49));
    let errors = world.log.errors(&Filter::default()).await.unwrap();
    assert_eq!(errors.rows.len(), 1);
    let row = &errors.rows[0];
    assert_eq!(
        (&*row.code, row.status, row.count),
        ("provider_error", 502, 10)
    );
    assert_eq!(row.last, Timestamp::from_millis(NOW - 1_000_000 + 93));
    assert_eq!(
        errors.days.values().copied().collect::<Vec<_>>(),
        [(100, 10)]
    );
}

#[tokio::test]
async fn a_segment_that_cannot_be_read_hides_nothing_else() {
    let world = World::loaded().await;
    world.log.push(draft(1));
    world.write().await;
    let rows: Vec<Row> = world.page(&Filter::default(), 1, 0).await.rows;
    let mut damaged = Segment::write(&rows).unwrap();
    damaged.summary = damaged.summary.slice(..20);
    world.store.append_segment(&damaged).await.unwrap();
    assert_eq!(
        world.again().await.ids(&Filter::default(), 9, 0).await,
        ["r1"]
    );
}
