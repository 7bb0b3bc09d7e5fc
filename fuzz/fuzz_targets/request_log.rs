//! A segment of the request log that is noise is refused, or read without a panic; what is read
//! of it can be written again, and comes back. The first two bytes say where its two blobs part.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tollgate_core::request_log::{Filter, Index, Segment, Summary};
use tollgate_core::time::Timestamp;

fuzz_target!(|input: &[u8]| {
    let Some((at, blobs)) = input.split_first_chunk::<2>() else {
        return;
    };
    let at = usize::from(u16::from_le_bytes(*at)).min(blobs.len());
    let (summary, rows) = blobs.split_at(at);
    let zero = Timestamp::from_millis(0);
    let segment = Segment {
        from: zero,
        to: zero,
        count: 1,
        summary: Bytes::copy_from_slice(summary),
        rows: Bytes::copy_from_slice(rows),
    };
    if let Ok(summary) = Summary::read(&segment.summary) {
        let filter = Filter {
            key: Some("key_1".into()),
            model: Some("m".into()),
            min_ms: Some(5),
            ..Filter::default()
        };
        summary.meets(&filter);
        if let Ok(index) = Index::read(&segment.summary, &summary) {
            let matcher = index.matcher(&filter);
            assert!((0..index.len()).filter(|place| matcher.takes(*place)).count() <= index.len());
            index.may_have("req_1");
        }
    }
    if let Ok(rows) = segment.read() {
        let again = Segment::write(&rows).map(|again| again.read());
        let Some(Ok(again)) = again else {
            panic!("what was read cannot be written");
        };
        assert_eq!(again, rows.get(..again.len()).unwrap_or_default());
    }
});
