//! Who gets which answer, and when.

use std::future::poll_fn;
use std::task::Poll;

use tollgate_core::error::Failure;
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

fn question(cache: &Cache, number: u8) -> Question {
    Question {
        key: [number; 32],
        generation: cache.generation(),
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
        Found::Hit(hit, _) => panic!("a hit: {hit:?}"),
    }
}

async fn is_hit(cache: &Arc<Cache>, question: &Question) -> bool {
    matches!(cache.find(question).await, Found::Hit(..))
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
    let asked = question(&cache, 1);
    keep(&cache, &asked, b"answer", Some(Finish::Stop)).await;
    tokio::time::advance(10 * SECOND).await;
    let Found::Hit(hit, Source::Kept(kept)) = cache.find(&asked).await else {
        panic!("no hit");
    };
    assert_eq!((&kept.body[..], hit.percent), (&b"answer"[..], 50));
    assert_eq!((hit.age, &*hit.about.request_id), (10 * SECOND, "req-1"));
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
    let asked = question(&cache, 1);
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
    let asked = question(&cache, 1);
    let mut leader = miss(&cache, &asked).await;
    let waiting = async {
        let (one, two) = tokio::join!(is_hit(&cache, &asked), is_hit(&cache, &asked));
        one && two
    };
    let answering = async {
        tokio::time::sleep_until(Instant::now() + SECOND).await;
        leader.take(b"data", None, None);
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
        let asked = question(&cache, 1);
        let leader = miss(&cache, &asked).await;
        let ending = async {
            tokio::time::sleep_until(Instant::now() + SECOND).await;
            if fails {
                leader.fail(None);
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
        keep(&cache, &question(&cache, 1), body, finish).await;
        assert_eq!(
            is_hit(&cache, &question(&cache, 1)).await,
            expected,
            "{finish:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asked_for_longest_goes_first() {
    let cache = cache(3 * 600);
    for number in 0..3 {
        keep(&cache, &question(&cache, number), b"answer", None).await;
    }
    assert!(is_hit(&cache, &question(&cache, 0)).await);
    keep(&cache, &question(&cache, 3), b"answer", None).await;
    for (number, expected) in [(0, true), (1, false), (2, true), (3, true)] {
        assert_eq!(
            is_hit(&cache, &question(&cache, number)).await,
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
    let asked = question(&cache, 1);
    let mut filling = miss(&cache, &asked).await;
    filling.take(b"old", None, None);
    cache.clear();
    filling.keep(&target(), "req");
    assert!(!is_hit(&cache, &question(&cache, 1)).await);
}

/// Who asks after a change gets nothing that was asked for before it, however far that is, and
/// what both get is theirs alone.
#[tokio::test(start_paused = true)]
async fn who_asks_after_a_change_does_not_wait_for_what_was_asked_before_it() {
    for stream in [false, true] {
        let cache = cache(1 << 20);
        let before = question(&cache, 1);
        let mut old = miss(&cache, &before).await;
        if stream {
            old.share(&target(), "req-1");
            old.see(&part("old", false));
        }
        cache.clear();
        let after = question(&cache, 1);
        let begin = Instant::now();
        let mut new = miss(&cache, &after).await;
        assert_eq!(begin.elapsed(), Duration::ZERO);
        // The end of the old one takes nothing from the new one, for which others wait.
        if stream {
            old.see(&part("", true));
        } else {
            old.take(b"old", None, None);
        }
        old.keep(&target(), "req-1");
        assert_eq!(cache.table().flights.len(), 1);
        new.take(b"new", None, None);
        new.keep(&target(), "req-2");
        let Found::Hit(_, Source::Kept(kept)) = cache.find(&after).await else {
            panic!("no hit");
        };
        assert_eq!(&kept.body[..], b"new");
    }
}

/// Whoever waits across a change has looked its model up before it.
#[tokio::test(start_paused = true)]
async fn a_question_of_before_a_change_gets_and_leaves_nothing_behind_it() {
    let cache = cache(1 << 20);
    let before = question(&cache, 1);
    let leader = miss(&cache, &before).await;
    let changing = async {
        tokio::time::sleep_until(Instant::now() + SECOND).await;
        cache.clear();
        leader.fail(None);
    };
    let (mut waited, ()) = tokio::join!(miss(&cache, &before), changing);
    waited.take(b"old", None, None);
    waited.keep(&target(), "req-1");
    assert_eq!(cache.read().entries, 0);
    keep(&cache, &question(&cache, 1), b"new", None).await;
    tokio::time::advance(11 * SECOND).await;
    let down = Failure::provider(Code::ProviderError, "p");
    assert!(cache.stale(&question(&cache, 1), &down).is_some());
    assert!(cache.stale(&before, &down).is_none());
    drop(miss(&cache, &before).await);
    assert_eq!(cache.table().flights.len(), 0);
}

/// Equal ones that waited before the change are answered by what they waited for.
#[tokio::test(start_paused = true)]
async fn those_who_waited_before_a_change_are_answered_together() {
    let cache = cache(1 << 20);
    let before = question(&cache, 1);
    let mut leader = miss(&cache, &before).await;
    let changing = async {
        tokio::time::sleep_until(Instant::now() + SECOND).await;
        cache.clear();
        leader.take(b"old", None, None);
        leader.keep(&target(), "req-1");
    };
    let (is_answered, ()) = tokio::join!(is_hit(&cache, &before), changing);
    assert!(is_answered);
}

fn part(text: &'static str, last: bool) -> Piece {
    Piece {
        bytes: Bytes::from_static(text.as_bytes()),
        last,
        ..Piece::default()
    }
}

async fn along(cache: &Arc<Cache>, question: &Question) -> Reader {
    match cache.find(question).await {
        Found::Hit(hit, Source::Along(reader)) => {
            assert_eq!((hit.age, &*hit.about.request_id), (Duration::ZERO, "req-1"));
            reader
        }
        Found::Hit(..) | Found::Miss(_) => panic!("nothing to read along"),
    }
}

/// Everything that a reader still gets, and how it ended.
async fn rest(reader: &mut Reader) -> (String, Result<(), Code>) {
    let mut text = String::new();
    loop {
        match poll_fn(|context| reader.poll_next(context)).await {
            Some(Ok(piece)) => {
                text.push_str(std::str::from_utf8(&piece.bytes).unwrap());
                if piece.last {
                    assert!(poll_fn(|context| reader.poll_next(context)).await.is_none());
                    return (text, Ok(()));
                }
            }
            Some(Err(failure)) => return (text, Err(failure.code)),
            None => panic!("an end without an end"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_read_along_from_its_beginning_to_its_end() {
    let cache = cache(1 << 20);
    let asked = question(&cache, 1);
    let mut leader = miss(&cache, &asked).await;
    leader.share(&target(), "req-1");
    leader.see(&part("one ", false));
    let mut early = along(&cache, &asked).await;
    leader.see(&part("two ", false));
    let mut late = along(&cache, &asked).await;
    assert!(leader.is_read_along());
    let leading = async {
        tokio::time::sleep_until(Instant::now() + SECOND).await;
        leader.see(&part("three", true));
        // It is not whole before it is kept.
        tokio::time::sleep_until(Instant::now() + SECOND).await;
        leader.keep(&target(), "req-1");
    };
    let begin = Instant::now();
    let (early, late, ()) = tokio::join!(rest(&mut early), rest(&mut late), leading);
    assert_eq!(early, ("one two three".to_owned(), Ok(())));
    assert_eq!(early, late);
    assert_eq!(begin.elapsed(), 2 * SECOND);
    assert!(is_hit(&cache, &asked).await, "and it is kept");
    assert_eq!(cache.table().flights.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_reads_along_is_told_the_truth_of_the_end() {
    type End = fn(Filling);
    let ends: [(End, Result<(), Code>); 4] = [
        (
            |leader| leader.fail(Some(&Failure::provider(Code::ProviderOverloaded, "p"))),
            Err(Code::ProviderOverloaded),
        ),
        (|leader| leader.fail(None), Err(Code::StreamInterrupted)),
        (drop, Err(Code::StreamInterrupted)),
        // Complete, but not for those who come later.
        (Filling::pass, Ok(())),
    ];
    for (end, expected) in ends {
        let cache = cache(1 << 20);
        let asked = question(&cache, 1);
        let mut leader = miss(&cache, &asked).await;
        leader.share(&target(), "req-1");
        leader.see(&part("one ", false));
        let mut reader = along(&cache, &asked).await;
        leader.see(&part("two", true));
        end(*leader);
        let (text, ended) = rest(&mut reader).await;
        assert_eq!(ended, expected);
        assert_eq!(text, if ended.is_ok() { "one two" } else { "one " });
        drop(miss(&cache, &asked).await);
    }
}

#[tokio::test(start_paused = true)]
async fn who_reads_too_slowly_loses_the_stream_and_holds_up_nobody() {
    let cache = cache(1 << 20);
    let asked = question(&cache, 1);
    let mut leader = miss(&cache, &asked).await;
    leader.share(&target(), "req-1");
    leader.see(&part("begin", false));
    let (mut slow, mut fast) = (along(&cache, &asked).await, along(&cache, &asked).await);
    let mut read = 0;
    // Four thousand bytes are kept at most.
    for _ in 0..1000 {
        leader.see(&part("0123456789", false));
        let next = poll_fn(|context| fast.poll_next(context)).await;
        read += next.unwrap().unwrap().bytes.len();
    }
    // It is too long to be kept, and its beginning is not there for others.
    drop(miss(&cache, &asked).await);
    leader.see(&part("end", true));
    leader.keep(&target(), "req-1");
    let (text, ended) = rest(&mut fast).await;
    assert_eq!((read + text.len(), ended), (5 + 10_000 + 3, Ok(())));
    assert_eq!(
        rest(&mut slow).await,
        (String::new(), Err(Code::StreamInterrupted))
    );
    assert!(!is_hit(&cache, &asked).await);
}

/// By chance: parts of any length, readers who come, read and go at any time. What one of them has
/// read is always the beginning of what was said, and it looks whole only if it is.
#[tokio::test(start_paused = true)]
async fn nobody_reads_anything_but_what_was_said() {
    for seed in 0..300_u64 {
        let mut state = seed;
        let mut below = |bound: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % bound
        };
        let cache = cache(1 << 20);
        let asked = question(&cache, 1);
        let mut leader = miss(&cache, &asked).await;
        leader.share(&target(), "req-1");
        let mut said = Vec::new();
        let mut readers: Vec<(Reader, Vec<u8>, Option<bool>)> = Vec::new();
        let mut leader = Some(leader);
        for _ in 0..200 {
            let index = usize::try_from(below(4096)).unwrap();
            match below(12) {
                0..5 => {
                    if let Some(leader) = &mut leader {
                        let length = usize::try_from(below(600)).unwrap();
                        let bytes: Vec<u8> = (0..length).map(|_| below(256) as u8).collect();
                        said.extend_from_slice(&bytes);
                        leader.see(&Piece {
                            bytes: bytes.into(),
                            ..Piece::default()
                        });
                    }
                }
                5 => {
                    if let Found::Hit(_, Source::Along(reader)) = cache.find(&asked).await {
                        readers.push((reader, Vec::new(), None));
                    }
                }
                6 if !readers.is_empty() => drop(readers.swap_remove(index % readers.len())),
                7 if below(20) == 0 => match (leader.take(), below(3)) {
                    (Some(mut leader), 0) => {
                        leader.see(&Piece {
                            last: true,
                            ..Piece::default()
                        });
                        leader.keep(&target(), "req-1");
                    }
                    (Some(leader), 1) => leader.fail(None),
                    (leader, _) => drop(leader),
                },
                _ if !readers.is_empty() => {
                    let many = readers.len();
                    let (reader, read, end) = &mut readers[index % many];
                    let next = poll_fn(|context| Poll::Ready(reader.poll_next(context)));
                    match next.await {
                        Poll::Ready(Some(Ok(piece))) => {
                            assert_eq!(*end, None, "seed {seed}");
                            read.extend_from_slice(&piece.bytes);
                            *end = piece.last.then_some(true);
                        }
                        Poll::Ready(Some(Err(_))) => *end = Some(false),
                        Poll::Ready(None) => assert!(end.is_some(), "seed {seed}"),
                        Poll::Pending => assert_eq!(*read, said, "seed {seed}"),
                    }
                    assert!(said.starts_with(read), "seed {seed}");
                    assert!(*end != Some(true) || *read == said, "seed {seed}");
                }
                _ => {}
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_leads_is_told_once_when_somebody_comes_to_read_along() {
    for is_early in [true, false] {
        let cache = cache(1 << 20);
        let asked = question(&cache, 1);
        let mut leader = miss(&cache, &asked).await;
        assert!(leader.joining().is_none(), "there is no stream");
        leader.share(&target(), "req-1");
        let joining = leader.joining().unwrap();
        assert_eq!(joining.longest(), 4000);
        let told = Arc::new(AtomicU64::new(0));
        let teller = Arc::clone(&told);
        let hook = move || {
            teller.fetch_add(1, Ordering::SeqCst);
        };
        let count = || told.load(Ordering::SeqCst);
        if is_early {
            joining.when_joined(hook);
            assert_eq!(count(), 0);
            drop(along(&cache, &asked).await);
        } else {
            drop(along(&cache, &asked).await);
            joining.when_joined(hook);
        }
        assert_eq!(count(), 1, "{is_early}");
        drop(along(&cache, &asked).await);
        assert_eq!(count(), 1, "{is_early}");
        // Nobody can come any more.
        for _ in 0..2 {
            leader.see(&Piece {
                bytes: vec![b'x'; 3000].into(),
                ..Piece::default()
            });
        }
        assert!(leader.joining().is_none());
    }
}
