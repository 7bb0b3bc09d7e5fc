use super::*;

fn seconds(number: u64) -> Moment {
    Moment::after_start(Duration::from_secs(number))
}

fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

fn is_about(seen: Option<Duration>, expected: Duration) -> bool {
    seen.is_some_and(|seen| seen.abs_diff(expected) <= ms(1))
}

#[test]
fn nothing_is_read_before_the_first_time() {
    assert_eq!(PeakEwma::default().read(seconds(9)), None);
    assert_eq!(PeakEwma::default().last(), None);
}

#[test]
fn a_peak_replaces_the_average_at_once() {
    let mut average = PeakEwma::default();
    average.note(seconds(0), ms(100));
    average.note(seconds(1), ms(5000));
    assert_eq!(average.read(seconds(1)), Some(ms(5000)));
}

#[test]
fn lower_times_blend_in_by_the_time_since_the_last() {
    for (since, expected) in [
        (0, 1000),
        // 1/e of the past, the rest of the news.
        (10, 100 + 900 * 3679 / 10_000),
        (20, 100 + 900 * 1353 / 10_000),
        (1000, 100),
    ] {
        let mut average = PeakEwma::default();
        average.note(seconds(0), ms(1000));
        average.note(seconds(since), ms(100));
        let seen = average.read(seconds(since));
        assert!(is_about(seen, ms(expected)), "{since}: {seen:?}");
    }
}

#[test]
fn what_would_have_taken_longer_raises_the_average_and_never_lowers_it() {
    for (since, longer_than, expected) in [
        // Nothing is known of it but that.
        (None, 300, 300),
        (Some(1000), 300, 1000),
        (Some(1000), 1000, 1000),
        (Some(1000), 4000, 4000),
    ] {
        let mut average = PeakEwma::default();
        if let Some(known) = since {
            average.note(seconds(1), ms(known));
        }
        average.note_longer(seconds(1), ms(longer_than));
        assert_eq!(average.read(seconds(1)), Some(ms(expected)));
    }
    // A peak of long ago has faded: what takes longer than what is left of it is news, but no
    // reason to believe less of the peak than a time that was measured.
    let (mut average, mut measured) = (PeakEwma::default(), PeakEwma::default());
    for one in [&mut average, &mut measured] {
        one.note(seconds(0), ms(8000));
    }
    average.note_longer(seconds(30), ms(2000));
    measured.note(seconds(30), ms(2000));
    assert!(average.read(seconds(30)) >= Some(ms(2000)));
    assert_eq!(average.read(seconds(30)), measured.read(seconds(30)));
}

#[test]
fn a_burst_of_quick_answers_does_not_wipe_out_a_peak() {
    let mut average = PeakEwma::default();
    average.note(seconds(0), ms(1000));
    for _ in 0..1000 {
        average.note(seconds(1), ms(10));
    }
    let seen = average.read(seconds(1));
    assert!(seen > Some(ms(850)), "{seen:?}");
}

#[test]
fn a_reading_halves_every_ten_seconds_of_silence() {
    let mut average = PeakEwma::default();
    average.note(seconds(5), ms(8000));
    for (at, expected) in [(5, 8000), (15, 4000), (25, 2000), (65, 125)] {
        let seen = average.read(seconds(at));
        assert!(is_about(seen, ms(expected)), "{at}: {seen:?}");
    }
    assert_eq!(average.read(seconds(100_000)), Some(Duration::ZERO));
    assert_eq!(average.last(), Some(ms(8000)));
}

#[test]
fn moments_out_of_order_and_endless_times_are_harmless() {
    let mut average = PeakEwma::default();
    average.note(seconds(10), ms(100));
    average.note(seconds(9), ms(50));
    assert_eq!(average.read(seconds(8)), Some(ms(100)));
    average.note(seconds(11), Duration::MAX);
    assert_eq!(average.read(seconds(11)), Some(LONGEST));
    average.note(seconds(12), Duration::MAX);
    average.note(seconds(22), Duration::ZERO);
    assert!(average.read(seconds(22)) < Some(LONGEST));
}

#[test]
fn buckets_reach_from_a_millisecond_to_ten_minutes_in_steps_of_a_quarter() {
    assert_eq!(BOUNDS[0], 1000);
    assert_eq!(BOUNDS[BUCKETS - 1], TEN_MINUTES_US);
    for pair in BOUNDS.windows(2) {
        assert!(pair[0] < pair[1] && 4 * pair[1] <= 5 * pair[0], "{pair:?}");
    }
}

#[test]
fn a_percentile_is_the_bound_of_the_bucket_that_it_falls_into() {
    let mut times = FirstBytes::default();
    for number in 1..=100 {
        times.note(ms(10 * number));
    }
    for (percent, truth) in [(1, 10), (50, 500), (95, 950), (100, 1000)] {
        let seen = times.percentile(percent).unwrap();
        let (truth, most) = (ms(truth), ms(truth).mul_f64(1.25));
        assert!(seen >= truth && seen <= most, "{percent}: {seen:?}");
    }
    assert_eq!(times.percentile(0), times.percentile(1));
    assert_eq!(times.percentile(1000), times.percentile(100));
}

#[test]
fn times_on_and_beyond_the_bounds_are_counted() {
    for (took, bound) in [
        (Duration::ZERO, ms(1)),
        (ms(1), ms(1)),
        (Duration::from_micros(1001), Duration::from_micros(1250)),
        (Duration::from_mins(10), Duration::from_mins(10)),
        (Duration::MAX, Duration::from_mins(10)),
    ] {
        let mut times = FirstBytes::default();
        for _ in 0..20 {
            times.note(took);
        }
        assert_eq!(times.percentile(50), Some(bound), "{took:?}");
    }
}

#[test]
fn nothing_is_said_of_fewer_than_twenty() {
    let mut times = FirstBytes::default();
    for _ in 0..19 {
        times.note(ms(5));
        assert_eq!(times.percentile(95), None);
    }
    times.note(ms(5));
    assert!(times.percentile(95).is_some());
}

#[test]
fn old_times_fade() {
    let mut times = FirstBytes::default();
    for _ in 0..10_000 {
        times.note(ms(8000));
    }
    let mut needed = 0;
    while times.percentile(95) > Some(ms(1000)) {
        times.note(ms(100));
        needed += 1;
    }
    assert!(needed < 3000, "{needed} quick ones");
    assert!(needed > 500, "{needed} quick ones");
}
