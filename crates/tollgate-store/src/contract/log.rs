//! The request log, and answers that are given again.

use bytes::Bytes;
use tollgate_core::request_log::Segment;
use tollgate_engine::port::StoredReplay;

use super::{at, backends};

fn segment(from: i64, to: i64) -> Segment {
    Segment {
        from: at(from),
        to: at(to),
        count: u32::MAX,
        summary: Bytes::from(format!("summary {from}")),
        rows: Bytes::from(vec![u8::try_from(from).unwrap(); 10_000]),
    }
}

#[tokio::test]
async fn segments_are_found_by_their_numbers() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        let mut numbers = Vec::new();
        for minute in 0..5 {
            let number = store.append_segment(&segment(minute, minute + 10)).await;
            numbers.push(number.unwrap());
        }
        assert!(numbers.is_sorted_by(|one, other| one < other), "{name}");
        let [_, second, third, fourth, fifth] = *numbers.as_slice() else {
            panic!("{numbers:?}")
        };
        let summaries = store.segment_summaries(second, 2).await.unwrap();
        let read: Vec<u64> = summaries.iter().map(|it| it.number).collect();
        assert_eq!(read, [third, fourth], "{name}");
        assert_eq!(
            summaries[0].segment.summary,
            segment(2, 12).summary,
            "{name}"
        );
        assert_eq!(summaries[0].segment.to, at(12), "{name}");
        let after = store.segment_summaries(fifth, 9).await.unwrap();
        assert!(after.is_empty(), "{name}");

        let wanted = [fourth, second, fifth + 100, second];
        let whole = store.segments(&wanted).await.unwrap();
        let read: Vec<u64> = whole.iter().map(|it| it.number).collect();
        assert_eq!(read, [second, fourth], "{name}");
        assert_eq!(whole[0].segment, segment(1, 11), "{name}");
        assert!(store.segments(&[]).await.unwrap().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_segment_takes_the_place_of_others_or_nothing_happens() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        let mut numbers = Vec::new();
        for minute in 0..4 {
            let number = store.append_segment(&segment(minute, minute)).await;
            numbers.push(number.unwrap());
        }
        let [first, second, third, fourth] = *numbers.as_slice() else {
            panic!("{numbers:?}")
        };
        let merged = segment(9, 99);
        let gone = [first, second, fourth + 100];
        let done = store.replace_segments(&gone, &merged).await.unwrap();
        assert!(!done, "{name}");
        assert_eq!(store.segments(&numbers).await.unwrap().len(), 4, "{name}");
        let done = store.replace_segments(&[third, second], &merged).await;
        assert!(done.unwrap(), "{name}");
        let left = store.segments(&numbers).await.unwrap();
        let read: Vec<u64> = left.iter().map(|it| it.number).collect();
        assert_eq!(read, [first, third, fourth], "{name}");
        assert_eq!(left[1].segment, merged, "{name}");
        assert_eq!(left[2].segment, segment(3, 3), "{name}");
    }
}

#[tokio::test]
async fn segments_are_forgotten_when_their_last_row_is_old() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        for (from, to) in [(0, 30), (1, 10), (2, 20)] {
            store.append_segment(&segment(from, to)).await.unwrap();
        }
        assert_eq!(store.forget_segments(at(20)).await.unwrap(), 1, "{name}");
        let left = store.segment_summaries(0, 9).await.unwrap();
        let ends: Vec<_> = left.iter().map(|it| it.segment.to).collect();
        assert_eq!(ends, [at(30), at(20)], "{name}");
        assert_eq!(store.forget_segments(at(20)).await.unwrap(), 0, "{name}");
    }
}

#[tokio::test]
async fn an_answer_is_kept_until_its_time_is_over() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        let first = StoredReplay {
            slot: [1; 32],
            fingerprint: [2; 32],
            answer: Bytes::from_static(b"\0answer"),
            expires_at: at(10),
        };
        let later = StoredReplay {
            slot: [3; 32],
            expires_at: at(11),
            ..first.clone()
        };
        assert_eq!(store.replay(&first.slot).await.unwrap(), None, "{name}");
        for replay in [&first, &later] {
            store.put_replay(replay).await.unwrap();
            let read = store.replay(&replay.slot).await.unwrap();
            assert_eq!(read.as_ref(), Some(replay), "{name}");
        }
        let other = StoredReplay {
            fingerprint: [9; 32],
            answer: Bytes::new(),
            ..first.clone()
        };
        store.put_replay(&other).await.unwrap();
        let read = store.replay(&first.slot).await.unwrap();
        assert_eq!(read, Some(other), "{name}");
        assert_eq!(store.forget_replays(at(10)).await.unwrap(), 1, "{name}");
        assert_eq!(store.replay(&first.slot).await.unwrap(), None, "{name}");
        assert!(store.replay(&later.slot).await.unwrap().is_some(), "{name}");
    }
}
