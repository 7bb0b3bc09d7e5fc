//! A wrong key costs the same time wherever it differs from a right one.

use std::time::{Duration, Instant};

use tollgate_core::key::KeyHasher;

/// Over the network the difference drowns in noise, so the step that could tell is measured: the
/// keyed hash of the whole credential, which is then looked up as a whole.
#[test]
fn a_wrong_key_costs_the_same_wherever_it_differs() {
    const ROUNDS: usize = 200;
    const TRIES: usize = 500;
    let hasher = KeyHasher::new(&[7; 32]);
    let right = "sk-tg-0123456789abcdefghijklmnopqrstuvwxyzABCD";
    let first = format!("x{}", &right[1..]);
    let last = format!("{}x", &right[..right.len() - 1]);
    let time = |key: &str| {
        let begin = Instant::now();
        for _ in 0..TRIES {
            std::hint::black_box(hasher.hash(std::hint::black_box(key.as_bytes())));
        }
        begin.elapsed()
    };
    let (mut firsts, mut lasts): (Vec<Duration>, Vec<Duration>) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // In turn, so that a drift of the machine hits both.
        if round % 2 == 0 {
            firsts.push(time(&first));
            lasts.push(time(&last));
        } else {
            lasts.push(time(&last));
            firsts.push(time(&first));
        }
    }
    firsts.sort();
    lasts.sort();
    let (one, other) = (
        firsts[ROUNDS / 2].as_secs_f64(),
        lasts[ROUNDS / 2].as_secs_f64(),
    );
    let difference = (one - other).abs() / one;
    assert!(
        difference < 0.05,
        "medians differ by {:.1} %",
        difference * 100.0
    );
}
