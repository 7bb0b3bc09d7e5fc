use super::*;

const BOTH: &str =
    "POST / HTTP/1.1\r\ncontent-LENGTH: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
const CHUNKED: &str =
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n11\r\ncontent-length: 3\r\n0\r\n\r\n";
const PLAIN: &str = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

fn request(text: &str) -> Parts {
    let (method, _) = text.trim_ascii_start().split_once(' ').unwrap();
    let mut request = http::Request::builder().method(method);
    let head = text.replace('\r', "");
    let head = head.trim_start().split("\n\n").next().unwrap();
    let chunked = head.contains("ransfer-Encoding");
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(':').unwrap();
        // As the library does.
        if !(chunked && name.eq_ignore_ascii_case("content-length")) {
            request = request.header(name, value.trim());
        }
    }
    request.body(()).unwrap().into_parts().0
}

/// Judges these requests, all read at once, and then read byte by byte.
fn judge(texts: &[&str]) -> Vec<bool> {
    let mut at_once = Framing::new(32 * 1024);
    at_once.note(texts.concat().as_bytes());
    let outcome: Vec<_> = texts
        .iter()
        .map(|text| at_once.is_ambiguous(&request(text)))
        .collect();
    let mut by_bytes = Framing::new(32 * 1024);
    for (text, outcome) in texts.iter().zip(&outcome) {
        let text = text.trim_start();
        let (head, body) = text.split_at(end_of_head(text.as_bytes()).unwrap());
        head.bytes().for_each(|byte| by_bytes.note(&[byte]));
        assert_eq!(by_bytes.is_ambiguous(&request(text)), *outcome, "{text}");
        body.bytes().for_each(|byte| by_bytes.note(&[byte]));
    }
    assert!(!by_bytes.is_within_head());
    outcome
}

#[test]
fn only_a_head_with_both_lengths_is_ambiguous() {
    assert_eq!(judge(&[BOTH]), [true]);
    assert_eq!(judge(&[CHUNKED]), [false], "the other stands in the body");
    assert_eq!(judge(&[PLAIN]), [false]);
    let mut bare = Framing::new(1024);
    bare.note(BOTH.replace('\r', "").as_bytes());
    assert!(bare.is_ambiguous(&request(BOTH)), "bare line feeds");
}

#[test]
fn each_request_is_judged_by_its_own_head() {
    assert_eq!(judge(&[GET, BOTH]), [false, true]);
    assert_eq!(
        judge(&[PLAIN, CHUNKED, GET, CHUNKED, PLAIN, BOTH]),
        [false, false, false, false, false, true]
    );
    assert_eq!(
        judge(&[PLAIN, "\r\n\r\nGET / HTTP/1.1\r\n\r\n"]),
        [false; 2]
    );
}

#[test]
fn a_length_early_in_a_long_head_is_seen() {
    let long = format!(
        "POST / HTTP/1.1\r\nContent-Length: 3\r\nx: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        "y".repeat(30_000)
    );
    let mut framing = Framing::new(32 * 1024);
    for part in long.as_bytes().chunks(1000) {
        framing.note(part);
    }
    assert!(framing.is_ambiguous(&request(&long)));
}

#[test]
fn what_cannot_be_followed_is_ambiguous_when_chunked_and_bounded() {
    let mut framing = Framing::new(1024);
    framing.note(&[b'x'; 10_000]);
    assert!(framing.kept.capacity() <= 4096);
    assert!(!framing.is_ambiguous(&request(PLAIN)));
    assert!(framing.is_ambiguous(&request(CHUNKED)));
    let mut other = Framing::new(1024);
    other.note(GET.as_bytes());
    assert!(other.is_ambiguous(&request(CHUNKED)), "another's head");
}

#[test]
fn a_large_body_is_not_kept() {
    let mut framing = Framing::new(32 * 1024);
    framing.note(b"POST / HTTP/1.1\r\nContent-Length: 10000000\r\n\r\n");
    framing.note(&[b'x'; 10_000]);
    let head = "POST / HTTP/1.1\r\nContent-Length: 10000000\r\n\r\n";
    assert!(!framing.is_ambiguous(&request(head)));
    for _ in 0..999 {
        framing.note(&[b'x'; 10_000]);
    }
    assert_eq!(framing.kept.capacity(), 0);
    framing.note(BOTH.as_bytes());
    assert!(framing.is_ambiguous(&request(BOTH)));
}
