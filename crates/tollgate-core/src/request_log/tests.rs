//! What is written comes back, and damage is told.

use proptest::prelude::*;

use super::*;

/// A row that differs in everything that filters ask.
fn row(number: u64) -> Row {
    let pick = |texts: &[&str], step: u64| -> Arc<str> {
        texts[(number / step) as usize % texts.len()].into()
    };
    let code = pick(&["ok", "ok", "provider_error", "client_closed"], 3);
    Row {
        at: Timestamp::from_millis(1_700_000_000_000 + i64::try_from(number * 7).unwrap()),
        request_id: if number.is_multiple_of(5) {
            format!("mine-{number}").into()
        } else {
            format!("req_{:032x}", u128::from(number) << 70 | 5).into()
        },
        who: Who {
            organization: pick(&["acme", "umbrella"], 50),
            team: pick(&["red", "blue", "green"], 50),
            user: pick(&["", "ann", "bob"], 7),
            key: format!("key_{}", number % 11).into(),
            key_prefix: "sk-tg-".into(),
        },
        what: What {
            asked: pick(&["fast", "openai/gpt-4o"], 2),
            model: pick(&["openai/gpt-4o", "sim/echo"], 2),
            provider: pick(&["openai", "sim"], 2),
            connection: pick(&["main", "sim"], 2),
        },
        outcome: Outcome {
            status: if &*code == OK { 200 } else { 502 },
            code,
            surface: pick(&["chat", "messages"], 4),
            stream: number.is_multiple_of(2),
        },
        figures: Figures {
            attempts: u32::try_from(number % 3).unwrap(),
            usage: (!number.is_multiple_of(4)).then_some(Usage {
                prompt: number * 13 % 977,
                completion: number * 7 % 91,
                cache_written_1h: number % 3,
                bounded: number.is_multiple_of(7),
                ..Usage::default()
            }),
            cost: number * 1009,
            lost: number % 2,
            duration_us: number * 104_729 % 3_000_000,
            first_byte_us: number.is_multiple_of(2).then_some(number * 31),
        },
        provider_request_id: number
            .is_multiple_of(3)
            .then(|| format!("p-{number}").into()),
        trail: number
            .is_multiple_of(6)
            .then(|| "main/gpt-4o;code=ok".into()),
        bodies: number.is_multiple_of(9).then(|| {
            Box::new(Bodies {
                request: vec![0xff; (number % 300) as usize].into(),
                answer: ::bytes::Bytes::new(),
            })
        }),
    }
}

fn rows(count: u64) -> Vec<Row> {
    (0..count).map(row).collect()
}

/// A filter in words: `team=blue min_ms=100`.
fn filter(words: &str) -> Filter {
    let mut filter = Filter::default();
    for (name, value) in words.split(' ').filter_map(|word| word.split_once('=')) {
        let text = Some(Box::from(value));
        let ms = || value.parse().ok();
        let at = || {
            let ms: i64 = value.parse().unwrap();
            Some(Timestamp::from_millis(1_700_000_000_000 + ms))
        };
        match name {
            "organization" => filter.organization = text,
            "team" => filter.team = text,
            "user" => filter.user = text,
            "key" => filter.key = text,
            "model" => filter.model = text,
            "provider" => filter.provider = text,
            "surface" => filter.surface = text,
            "good" => filter.success = Some(value == "yes"),
            "code" => filter.code = text,
            "from" => filter.from = at(),
            "to" => filter.to = at(),
            "min_ms" => filter.min_ms = ms(),
            "max_ms" => filter.max_ms = ms(),
            other => panic!("{other}"),
        }
    }
    filter
}

/// Filters of every kind and some combinations.
fn filters() -> impl Iterator<Item = Filter> {
    [
        "",
        "organization=acme",
        "organization=nobody",
        "team=blue",
        "user=ann",
        "key=key_3",
        "model=openai/gpt-4o",
        "model=fast",
        "provider=sim",
        "surface=messages",
        "good=yes",
        "good=no",
        "code=provider_error",
        "from=700",
        "to=700",
        "from=699 to=1401",
        "min_ms=1000",
        "max_ms=1000",
        "min_ms=100 max_ms=900 team=red",
        "code=client_closed key=key_3",
        "model=fast provider=sim",
        "good=yes code=provider_error",
        "user=bob from=350",
    ]
    .into_iter()
    .map(filter)
}

#[test]
fn rows_come_back_as_they_were() {
    for count in [1, 2, 63, 64, 1000] {
        let rows = rows(count);
        let segment = Segment::write(&rows).unwrap();
        assert_eq!(u64::from(segment.count), count);
        assert_eq!(
            (segment.from, segment.to),
            (rows[0].at, rows[rows.len() - 1].at)
        );
        assert_eq!(segment.read().unwrap(), rows);
    }
    assert_eq!(Segment::write(&[]), None);
}

#[test]
fn summary_and_index_agree_with_the_rows_for_every_filter() {
    for count in [1, 40, 1000] {
        let rows = rows(count);
        let segment = Segment::write(&rows).unwrap();
        let summary = Summary::read(&segment.summary).unwrap();
        let index = Index::read(&segment.summary, &summary).unwrap();
        let stored = Rows::read(&segment.rows).unwrap();
        for filter in filters() {
            let wanted: Vec<usize> = (0..rows.len())
                .filter(|at| filter.takes(&rows[*at]))
                .collect();
            if let Meets::Exactly(told) = summary.meets(&filter) {
                assert_eq!(told as usize, wanted.len(), "{filter:?} of {count}");
            }
            let matcher = index.matcher(&filter);
            let found: Vec<usize> = (0..rows.len())
                .filter(|at| matcher.takes(*at) && filter.takes_time(stored.at(*at)))
                .collect();
            assert_eq!(found, wanted, "{filter:?} of {count}");
            assert!(!matcher.is_hopeless() || wanted.is_empty());
        }
    }
}

#[test]
fn a_single_condition_is_counted_without_reading_rows() {
    let segment = Segment::write(&rows(1000)).unwrap();
    let summary = Summary::read(&segment.summary).unwrap();
    for filter in filters().take(13) {
        assert!(
            matches!(summary.meets(&filter), Meets::Exactly(_)),
            "{filter:?}"
        );
    }
}

#[test]
fn too_many_callers_to_count_are_still_told_from_strangers() {
    let many: Vec<Row> = (0..2000)
        .map(|number| {
            let mut row = row(1);
            row.who.key = format!("key_{number}").into();
            row
        })
        .collect();
    let segment = Segment::write(&many).unwrap();
    let summary = Summary::read(&segment.summary).unwrap();
    let of = |key: String| {
        let key = Some(key.into());
        summary.meets(&Filter {
            key,
            ..Filter::default()
        })
    };
    assert!((0..2000).all(|number| of(format!("key_{number}")) == Meets::Perhaps));
    let strangers = (0..2000).filter(|number| of(format!("other_{number}")) == Meets::Exactly(0));
    assert!(strangers.count() > 1900);
    assert!(summary.size() < 8192, "{}", summary.size());
}

#[test]
fn a_request_is_found_by_its_id() {
    let rows = rows(500);
    let segment = Segment::write(&rows).unwrap();
    let summary = Summary::read(&segment.summary).unwrap();
    let index = Index::read(&segment.summary, &summary).unwrap();
    assert!(rows.iter().all(|row| index.may_have(&row.request_id)));
    let wrong = (0..1000).filter(|number| index.may_have(&format!("req_{number}")));
    assert!(wrong.count() < 60);
}

#[test]
fn segments_are_merged_in_their_order_and_not_beyond_their_bounds() {
    let all = rows(900);
    let parts: Vec<Segment> = all.chunks(123).filter_map(Segment::write).collect();
    let merged = Segment::merge(&parts).unwrap();
    assert_eq!(merged.read().unwrap(), all);
    assert_eq!(Segment::write(&all).unwrap(), merged);
    let large = Segment::write(&rows(4096)).unwrap();
    assert!(Segment::merge(&[large, parts[0].clone()]).is_err());
    assert!(Segment::merge(&[]).is_err());
    assert_eq!(Segment::write(&rows(5000)).unwrap().count, 4096);
}

#[test]
fn bodies_bound_a_segment_too() {
    let mut large = row(1);
    large.bodies = Some(Box::new(Bodies {
        request: vec![b'x'; 400_000].into(),
        answer: vec![b'y'; 400_000].into(),
    }));
    let segment = Segment::write(&vec![large; 10]).unwrap();
    assert_eq!(segment.count, 2);
}

#[test]
fn a_row_takes_few_bytes() {
    let segment = Segment::write(&rows(4096)).unwrap();
    let (index, rows) = (segment.summary.len() / 4096, segment.rows.len() / 4096);
    assert!(index < 8, "{index}");
    assert!(rows < 120, "{rows}");
}

/// Reads whatever can be read: it must neither panic nor ask for more memory than the input.
fn read_all(segment: &Segment) {
    let Ok(summary) = Summary::read(&segment.summary) else {
        return;
    };
    for filter in filters() {
        summary.meets(&filter);
    }
    let Ok(index) = Index::read(&segment.summary, &summary) else {
        return;
    };
    index.may_have("req_1");
    for filter in filters() {
        let matcher = index.matcher(&filter);
        assert!((0..index.len()).filter(|at| matcher.takes(*at)).count() <= index.len());
    }
    if let Ok(rows) = Rows::read(&segment.rows) {
        for place in 0..=rows.len() {
            drop(rows.row(&index, place));
        }
    }
}

proptest! {
    #[test]
    fn damage_never_panics(
        at in 0_usize..4000,
        flip in 1_u8..,
        cut in 0_usize..4000,
        in_rows in any::<bool>(),
    ) {
        let whole = Segment::write(&rows(60)).unwrap();
        let damage = |bytes: &::bytes::Bytes| -> ::bytes::Bytes {
            let mut bytes = bytes.to_vec();
            let length = bytes.len();
            bytes[at % length] ^= flip;
            bytes.truncate(length - cut % 40 * (cut % 3));
            bytes.into()
        };
        let mut damaged = whole.clone();
        if in_rows {
            damaged.rows = damage(&whole.rows);
        } else {
            damaged.summary = damage(&whole.summary);
        }
        read_all(&damaged);
    }

    #[test]
    fn noise_never_panics(summary in prop::collection::vec(any::<u8>(), 0..400),
                          rows in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut summary = summary;
        if let Some(first) = summary.first_mut() {
            *first = 1;
        }
        let rows = [&[1][..], &rows].concat();
        let at = Timestamp::from_millis(0);
        read_all(&Segment { from: at, to: at, count: 1, summary: summary.into(), rows: rows.into() });
    }

    #[test]
    fn any_figures_come_back(
        at in any::<i64>(),
        numbers in prop::array::uniform8(any::<u64>()),
        id in "\\PC{0,200}",
        status in any::<u16>(),
    ) {
        let [duration_us, first, cost, lost, prompt, completion, cached, reasoning] = numbers;
        let mut rows = rows(3);
        rows[1].at = Timestamp::from_millis(at);
        rows[1].request_id = id.into();
        rows[1].outcome.status = status;
        rows[1].figures = Figures {
            attempts: u32::MAX,
            usage: Some(Usage { prompt, completion, cached, reasoning, ..Usage::default() }),
            cost,
            lost,
            duration_us,
            first_byte_us: Some(first.min(u64::MAX - 1)),
        };
        let segment = Segment::write(&rows).unwrap();
        prop_assert_eq!(segment.read().unwrap(), rows);
    }
}
