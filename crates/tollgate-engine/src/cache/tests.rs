//! Who gets which answer, and when.

use tollgate_core::reply::Piece;
use tollgate_core::route::rules::Rules;

use super::*;
use crate::health::Registry;
use crate::routes::RouteTable;
use crate::testing::model;

const SECOND: Duration = Duration::from_secs(1);

fn cache(size: usize) -> Arc<Cache> {
    let cache = Cache::new(Ticker::start());
    cache.set_settings(Settings {
        mode: CacheMode::On,
        size,
        longest_answer: 4000,
        hit_price_percent: 50,
        ..Settings::default()
    });
    Arc::new(cache)
}

fn target() -> Arc<RouteTarget> {
    let table = RouteTable::new(
        vec![model("m", &["c"], Rules::default())],
        &Registry::default(),
    );
    Arc::clone(&table.find("m").unwrap().targets[0])
}

fn question(number: u8) -> Question {
    Question {
        key: [number; 32],
        reads: true,
        max_age: None,
        ttl: 10 * SECOND,
        stale: 20 * SECOND,
        patience: 60 * SECOND,
    }
}

async fn miss(cache: &Arc<Cache>, question: &Question) -> Box<Filling> {
    match cache.find(question).await {
        Found::Miss(filling) => filling,
        Found::Hit(hit) => panic!("a hit: {hit:?}"),
    }
}

async fn is_hit(cache: &Arc<Cache>, question: &Question) -> bool {
    matches!(cache.find(question).await, Found::Hit(_))
}

/// Asks a question, and keeps this answer.
async fn keep(cache: &Arc<Cache>, question: &Question, body: &[u8], finish: Option<Finish>) {
    let mut filling = miss(cache, question).await;
    filling.take(body, None, finish);
    filling.keep(&target(), "req-1");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_there_until_its_time_is_over_and_longer_for_failures() {
    let cache = cache(1 << 20);
    let asked = question(1);
    keep(&cache, &asked, b"answer", Some(Finish::Stop)).await;
    tokio::time::advance(10 * SECOND).await;
    let Found::Hit(hit) = cache.find(&asked).await else {
        panic!("no hit");
    };
    assert_eq!((&hit.kept.body[..], hit.percent), (&b"answer"[..], 50));
    assert_eq!((hit.age, &*hit.kept.request_id), (10 * SECOND, "req-1"));
    tokio::time::advance(SECOND).await;
    let down = Failure::provider(Code::ProviderError, "p");
    let wrong = Failure::client(Code::InvalidRequest);
    drop(miss(&cache, &asked).await);
    assert!(cache.stale(&asked, &down).is_some());
    assert!(cache.stale(&asked, &wrong).is_none());
    let picky = Question {
        max_age: Some(SECOND),
        ..asked
    };
    assert!(cache.stale(&picky, &down).is_none());
    tokio::time::advance(20 * SECOND).await;
    assert!(cache.stale(&asked, &down).is_none());
    assert_eq!(cache.read().entries, 0, "nothing is left of it");
}

#[tokio::test(start_paused = true)]
async fn a_question_may_want_a_younger_answer_or_a_new_one() {
    let cache = cache(1 << 20);
    let asked = question(1);
    keep(&cache, &asked, b"answer", None).await;
    tokio::time::advance(3 * SECOND).await;
    for (max_age, reads, expected) in [
        (Some(3 * SECOND), true, true),
        (Some(2 * SECOND), true, false),
        (None, false, false),
        (None, true, true),
    ] {
        let asked = Question {
            reads,
            max_age,
            ..asked
        };
        assert_eq!(
            is_hit(&cache, &asked).await,
            expected,
            "{max_age:?} {reads}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_is_asked_and_the_others_wait_for_the_answer() {
    let cache = cache(1 << 20);
    let asked = question(1);
    let mut leader = miss(&cache, &asked).await;
    let waiting = async {
        let (one, two) = tokio::join!(is_hit(&cache, &asked), is_hit(&cache, &asked));
        one && two
    };
    let answering = async {
        tokio::time::sleep_until(Instant::now() + SECOND).await;
        leader.see(&Piece {
            bytes: Bytes::from_static(b"data"),
            ..Piece::default()
        });
        leader.keep(&target(), "req");
    };
    let (hits, ()) = tokio::join!(waiting, answering);
    assert!(hits);
    assert_eq!((cache.read().hits, cache.read().misses), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_all_ask_and_after_a_departure_one() {
    for (fails, led) in [(true, 0), (false, 1)] {
        let cache = cache(1 << 20);
        let asked = question(1);
        let leader = miss(&cache, &asked).await;
        let ending = async {
            tokio::time::sleep_until(Instant::now() + SECOND).await;
            if fails {
                leader.fail();
            } else {
                drop(leader);
            }
        };
        let brief = Question {
            patience: 30 * SECOND,
            ..asked
        };
        let begin = Instant::now();
        let (one, two, ()) = tokio::join!(miss(&cache, &asked), miss(&cache, &brief), ending);
        let waited = begin.elapsed();
        // Whoever waits for the next one does so until its own patience is over.
        let expected = if fails { SECOND } else { 30 * SECOND };
        assert!(
            waited >= expected && waited < expected + SECOND,
            "{waited:?}"
        );
        assert_eq!(cache.table().flights.len(), led);
        drop((one, two));
        assert_eq!(cache.table().flights.len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_cut_or_is_too_long_is_for_nobody_else() {
    let cache = cache(1 << 20);
    let long = [b'x'; 4001];
    for (body, finish, expected) in [
        (&b"x"[..], None, true),
        (b"x", Some(Finish::Stop), true),
        (b"x", Some(Finish::ToolCalls), true),
        (b"x", Some(Finish::Length), false),
        (b"x", Some(Finish::ContentFilter), false),
        (b"x", Some(Finish::Other), false),
        (b"", None, false),
        (&long[..4000], None, true),
        (&long, None, false),
    ] {
        cache.clear();
        keep(&cache, &question(1), body, finish).await;
        assert_eq!(is_hit(&cache, &question(1)).await, expected, "{finish:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asked_for_longest_goes_first() {
    let cache = cache(3 * 600);
    for number in 0..3 {
        keep(&cache, &question(number), b"answer", None).await;
    }
    assert!(is_hit(&cache, &question(0)).await);
    keep(&cache, &question(3), b"answer", None).await;
    for (number, expected) in [(0, true), (1, false), (2, true), (3, true)] {
        assert_eq!(
            is_hit(&cache, &question(number)).await,
            expected,
            "{number}"
        );
    }
    let reading = cache.read();
    assert!(
        reading.bytes <= 3 * 600 && reading.entries == 3,
        "{reading:?}"
    );
    cache.set_settings(Settings::default());
    assert_eq!((cache.read().bytes, cache.read().entries), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_before_a_change_is_not_kept_behind_it() {
    let cache = cache(1 << 20);
    let asked = question(1);
    let mut filling = miss(&cache, &asked).await;
    filling.take(b"old", None, None);
    cache.clear();
    filling.keep(&target(), "req");
    assert!(!is_hit(&cache, &asked).await);
}
