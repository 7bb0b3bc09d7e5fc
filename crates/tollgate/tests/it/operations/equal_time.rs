//! A wrong key costs the same time wherever it differs from a right one.

use std::time::Instant;

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
    // What one round measures is compared within it: whatever else the machine does hits both.
    let mut ratios: Vec<f64> = Vec::new();
    for round in 0..ROUNDS {
        let (one, other) = if round % 2 == 0 {
            let one = time(&first);
            (one, time(&last))
        } else {
            let other = time(&last);
            (time(&first), other)
        };
        ratios.push(one.as_secs_f64() / other.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    let difference = (ratios[ROUNDS / 2] - 1.0).abs();
    assert!(
        difference < 0.05,
        "rounds differ by {:.1} %",
        difference * 100.0
    );
}
