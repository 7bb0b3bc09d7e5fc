use super::*;

const FINE: Duration = Duration::from_millis(1);

fn rules() -> Rules {
    Rules {
        least_parallel: 64,
        ..Rules::default()
    }
}

/// Takes so many samples of this kind.
fn note(adaptive: &mut AdaptiveLimit, samples: usize, lag_ms: u64, under_way: u32) {
    for _ in 0..samples {
        adaptive.note(&rules(), Duration::from_millis(lag_ms), under_way);
    }
}

#[test]
fn nothing_is_limited_while_the_process_is_in_time() {
    let mut adaptive = AdaptiveLimit::default();
    note(&mut adaptive, 1000, 100, 1_000_000);
    assert_eq!(adaptive.limit(&rules()), None);
}

#[test]
fn the_fixed_bound_holds_alone_and_beside_the_one_that_follows() {
    let mut adaptive = AdaptiveLimit::default();
    let fixed = |parallel| Rules {
        parallel: Some(parallel),
        ..rules()
    };
    assert_eq!(adaptive.limit(&fixed(10)), Some(10));
    note(&mut adaptive, FEWEST, 200, 1000);
    assert_eq!(adaptive.limit(&rules()), Some(750));
    assert_eq!(adaptive.limit(&fixed(10)), Some(10));
    assert_eq!(adaptive.limit(&fixed(900)), Some(750));
}

#[test]
fn a_lag_twice_as_long_as_tolerated_cuts_half_of_the_way_to_half() {
    let mut adaptive = AdaptiveLimit::default();
    note(&mut adaptive, FEWEST - 1, 200, 1000);
    assert_eq!(adaptive.limit(&rules()), None);
    note(&mut adaptive, 1, 200, 1000);
    assert_eq!(adaptive.limit(&rules()), Some(750));
}

#[test]
fn one_cut_never_takes_more_than_half() {
    let mut adaptive = AdaptiveLimit::default();
    let mut before = 4000;
    for _ in 0..20 {
        note(&mut adaptive, FEWEST, 60_000, before);
        let limit = adaptive.limit(&rules()).unwrap();
        assert!(limit >= before / 2, "{limit} after {before}");
        before = limit;
    }
}

#[test]
fn the_limit_is_never_below_the_least() {
    let mut adaptive = AdaptiveLimit::default();
    note(&mut adaptive, 1000, 5000, 1000);
    assert_eq!(adaptive.limit(&rules()), Some(64));
    let mut adaptive = AdaptiveLimit::default();
    note(&mut adaptive, FEWEST, 5000, 3);
    assert_eq!(adaptive.limit(&rules()), Some(64));
}

#[test]
fn what_is_still_under_way_after_a_cut_does_not_lift_the_limit() {
    let mut adaptive = AdaptiveLimit::default();
    note(&mut adaptive, FEWEST, 300, 2000);
    let cut = adaptive.limit(&rules()).unwrap();
    // Long answers go on, so that the number under way stays above the limit.
    note(&mut adaptive, FEWEST, 105, 2000);
    let next = adaptive.limit(&rules()).unwrap();
    assert!(next <= cut, "{next} after {cut}");
}

#[test]
fn a_single_long_pause_of_the_machine_changes_nothing() {
    let mut adaptive = AdaptiveLimit::default();
    note(&mut adaptive, 100, 1, 500);
    for _ in 0..10 {
        adaptive.note(&rules(), Duration::from_hours(1), 500);
        note(&mut adaptive, 10, 1, 500);
        assert_eq!(adaptive.limit(&rules()), None);
    }
    assert_eq!(adaptive.lag(), FINE);
}

#[test]
fn samples_from_before_a_cut_do_not_cut_again() {
    let mut adaptive = AdaptiveLimit::default();
    note(&mut adaptive, FEWEST, 150, 1000);
    let cut = adaptive.limit(&rules());
    note(&mut adaptive, FEWEST - 1, 1, 1000);
    assert_eq!(adaptive.limit(&rules()), cut);
    note(&mut adaptive, 1, 1, 1000);
    assert!(adaptive.limit(&rules()) > cut);
}

#[test]
fn the_window_spans_a_second() {
    let mut adaptive = AdaptiveLimit::default();
    note(&mut adaptive, 200, 0, 0);
    assert_eq!(adaptive.lags.len(), 40);
    note(&mut adaptive, 20, 75, 0);
    // Ten of them are a second.
    assert_eq!(adaptive.lags.len(), 10);
    note(&mut adaptive, 20, 5000, 0);
    assert_eq!(adaptive.lags.len(), FEWEST);
    assert_eq!(adaptive.lag(), Duration::from_secs(5));
}

#[test]
fn the_limit_grows_by_its_root_and_goes_when_it_binds_nobody() {
    let mut adaptive = AdaptiveLimit::default();
    note(&mut adaptive, FEWEST, 100_000, 200);
    assert_eq!(adaptive.limit(&rules()), Some(100));
    note(&mut adaptive, FEWEST, 1, 0);
    assert_eq!(adaptive.limit(&rules()), Some(110));
    note(&mut adaptive, 7, 1, 0);
    assert_eq!(adaptive.limit(&rules()), Some(189));
    note(&mut adaptive, 1, 1, 0);
    assert_eq!(adaptive.limit(&rules()), None);
}

#[test]
fn a_limit_that_still_binds_stays() {
    let mut adaptive = AdaptiveLimit::default();
    note(&mut adaptive, FEWEST, 100_000, 200);
    for _ in 0..1000 {
        let limit = adaptive.limit(&rules()).unwrap();
        adaptive.note(&rules(), FINE, limit);
    }
}

#[test]
fn without_a_tolerated_lag_no_bound_follows() {
    let mut adaptive = AdaptiveLimit::default();
    note(&mut adaptive, FEWEST, 500, 1000);
    assert!(adaptive.limit(&rules()).is_some());
    adaptive.note(&Rules::NONE, Duration::from_secs(5), 1000);
    assert_eq!(adaptive.limit(&Rules::NONE), None);
}

#[test]
fn lower_priorities_leave_room_for_higher_ones() {
    use Priority::{High, Low, Normal};
    for (limit, low, normal) in [
        (0, 0, 0),
        (1, 1, 1),
        (10, 8, 10),
        (20, 16, 19),
        (100, 80, 95),
        (101, 81, 96),
        (1000, 800, 950),
        (u32::MAX, 3_435_973_836, 4_080_218_931),
    ] {
        let shares = [Low, Normal, High].map(|priority| share(priority, limit));
        assert_eq!(shares, [low, normal, limit]);
    }
}

/// A process that is late by as much as there is under way, and in which a tenth of what is under
/// way ends between two samples. As many come as there is room for, up to the demand.
struct Process {
    adaptive: AdaptiveLimit,
    /// How many are under way when it is late by what is tolerated.
    fitting: u32,
    under_way: u32,
}

impl Process {
    fn run(&mut self, samples: usize, demand: u32) {
        for _ in 0..samples {
            let limit = self.adaptive.limit(&rules()).unwrap_or(u32::MAX);
            self.under_way -= self.under_way / 10;
            self.under_way = self.under_way.max(limit.min(demand));
            if demand == 0 {
                self.under_way = 0;
            }
            let lag = rules().lag * self.under_way / self.fitting;
            self.adaptive.note(&rules(), lag, self.under_way);
        }
    }
}

#[test]
fn under_three_times_the_load_the_limit_stays_near_what_fits() {
    for fitting in [100, 500, 2000, 10_000] {
        let mut process = Process {
            adaptive: AdaptiveLimit::default(),
            fitting,
            under_way: 0,
        };
        process.run(100, fitting * 3);
        for _ in 0..2000 {
            process.run(1, fitting * 3);
            let of_fitting = process.under_way * 100 / fitting;
            assert!(
                (60..=200).contains(&of_fitting),
                "{of_fitting} % of {fitting}"
            );
        }
        process.run(200, fitting / 2);
        assert_eq!(process.adaptive.limit(&rules()), None, "{fitting}");
    }
}
