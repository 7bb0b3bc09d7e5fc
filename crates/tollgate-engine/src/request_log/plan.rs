//! Which small segments go together into a larger one: a quiet deployment writes a segment of a
//! few rows every second, and must not end with a million of them.

use std::ops::Range;

use tollgate_core::request_log::{MOST_BYTES, MOST_ROWS};

/// How many neighbours go together at once. Every row is written again about as often as this
/// number has to be multiplied by itself to reach a full segment.
const TOGETHER: usize = 8;
/// The most neighbours at once.
const MOST_TOGETHER: usize = 64;

/// The longest time that rows of one segment may lie apart: segments are forgotten whole, so this
/// is how much later than promised a row may go.
const LONGEST_SPAN: i64 = 24 * 60 * 60 * 1000;

/// What a segment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) rows: usize,
    pub(super) bytes: usize,
    /// When its first row ended and its last, in milliseconds.
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Size {
    fn with(self, next: Self) -> Self {
        Self {
            rows: self.rows + next.rows,
            bytes: self.bytes + next.bytes,
            from: self.from.min(next.from),
            to: self.to.max(next.to),
        }
    }

    fn fits(self) -> bool {
        self.rows <= MOST_ROWS
            && self.bytes <= MOST_BYTES
            && self.to.saturating_sub(self.from) <= LONGEST_SPAN
    }
}

/// The neighbours among segments (the oldest first) that are to go together: the smallest ones
/// that are many enough.
pub(super) fn plan(sizes: &[Size]) -> Option<Range<usize>> {
    (0..4).find_map(|step| plan_step(sizes, MOST_ROWS >> (9 - 3 * step)))
}

/// The first neighbours, each with fewer rows than this and with little text, that are enough.
fn plan_step(sizes: &[Size], below: usize) -> Option<Range<usize>> {
    let is_small = |size: &Size| size.rows < below && size.bytes < MOST_BYTES / 2;
    let mut begin = 0;
    while begin < sizes.len() {
        let rest = sizes.get(begin..)?;
        let mut whole: Option<Size> = None;
        let run = rest.iter().take(MOST_TOGETHER).take_while(|size| {
            let sum = whole.map_or(**size, |whole| whole.with(**size));
            whole = Some(sum);
            is_small(size) && sum.fits()
        });
        let length = run.count();
        if length >= TOGETHER {
            return Some(begin..begin + length);
        }
        begin += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A segment of so many rows that ended in one moment.
    fn size(rows: usize, at: i64) -> Size {
        Size {
            rows,
            bytes: rows * 70,
            from: at,
            to: at,
        }
    }

    /// Adds segments of so many rows, so many milliseconds apart, and merges as planned. Gives
    /// the sizes in the end and how many rows were written again.
    fn grown(added: impl Iterator<Item = usize>, apart: i64) -> (Vec<Size>, usize) {
        let (mut sizes, mut again, mut at) = (Vec::new(), 0, 0);
        for rows in added {
            sizes.push(size(rows, at));
            at += apart;
            while let Some(range) = plan(&sizes) {
                let whole = sizes.drain(range.clone()).reduce(Size::with).unwrap();
                assert!(whole.fits());
                again += whole.rows;
                sizes.insert(range.start, whole);
            }
        }
        (sizes, again)
    }

    #[test]
    fn a_quiet_deployment_has_few_segments_after_a_day() {
        let (sizes, again) = grown(std::iter::repeat_n(1, 86_400), 1000);
        assert!(sizes.len() < 80, "{}", sizes.len());
        assert!(again < 5 * 86_400, "{again}");
        assert_eq!(sizes.iter().map(|size| size.rows).sum::<usize>(), 86_400);
    }

    #[test]
    fn rows_of_one_segment_are_never_more_than_a_day_apart() {
        let (sizes, _) = grown(std::iter::repeat_n(1, 2000), 30 * 60 * 1000);
        assert!(sizes.len() < 500, "{}", sizes.len());
        assert!(sizes.iter().all(|size| size.to - size.from <= LONGEST_SPAN));
    }

    #[test]
    fn full_segments_and_few_small_ones_stay() {
        assert_eq!(plan(&[size(MOST_ROWS, 0); 100]), None);
        assert_eq!(plan(&[size(1, 0); 7]), None);
        assert_eq!(plan(&[size(1, 0); 8]), Some(0..8));
        let full_of_text = Size {
            bytes: MOST_BYTES,
            ..size(3, 0)
        };
        assert_eq!(plan(&[full_of_text; 100]), None);
        assert_eq!(plan(&[]), None);
    }

    #[test]
    fn any_mixture_comes_to_few_segments() {
        let mut seed = 9_u64;
        let mixture: Vec<usize> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            1 + (seed >> 33) as usize % 700
        })
        .take(5000)
        .collect();
        let rows: usize = mixture.iter().sum();
        let (sizes, _) = grown(mixture.into_iter(), 1000);
        assert!(sizes.len() < rows / MOST_ROWS * 3 + 64, "{}", sizes.len());
    }
}
