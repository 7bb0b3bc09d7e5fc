//! What a request says of answers that are kept: `cache-control` as HTTP knows it, and
//! `x-tollgate-cache`.

use std::time::Duration;

use http::HeaderMap;
use http::header::CACHE_CONTROL;
use tollgate_core::error::{Code, Failure, FieldProblem};
use tollgate_core::route::cache::CacheMode;

use super::CACHE;

/// What is wished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// Whether the cache is asked for, where it has to be; `Some(false)`: declined.
    asks: Option<bool>,
    /// Whether an answer that is kept will do.
    pub(super) reads: bool,
    /// How old it may be at most.
    pub(super) max_age: Option<Duration>,
}

impl Wish {
    /// Reads the headers. Of `cache-control`, what is unknown is passed over, as HTTP has it.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Failure> {
        let mut wish = Self {
            asks: None,
            reads: true,
            max_age: None,
        };
        for value in headers.get_all(CACHE_CONTROL) {
            let text = value.to_str().unwrap_or_default();
            text.split(',').for_each(|directive| wish.obey(directive));
        }
        for value in headers.get_all(CACHE) {
            match value.as_bytes().trim_ascii() {
                b"on" => wish.asks = Some(wish.asks.unwrap_or(true)),
                b"off" => wish.asks = Some(false),
                b"refresh" => {
                    wish.asks = Some(wish.asks.unwrap_or(true));
                    wish.reads = false;
                }
                _ => return Err(unknown()),
            }
        }
        Ok(wish)
    }

    fn obey(&mut self, directive: &str) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-cache" => self.reads = false,
            "no-store" => self.asks = Some(false),
            "max-age" => {
                if let Ok(seconds) = value.trim().trim_matches('"').parse() {
                    self.max_age = Some(Duration::from_secs(seconds));
                }
            }
            _ => {}
        }
    }

    /// Whether the cache is used at all.
    pub(super) fn uses(self, mode: CacheMode) -> bool {
        match mode {
            CacheMode::Off => false,
            CacheMode::Ask => self.asks == Some(true),
            CacheMode::On => self.asks != Some(false),
        }
    }
}

fn unknown() -> Failure {
    let mut failure = Failure::client(Code::InvalidRequest);
    failure.fields.push(FieldProblem {
        path: CACHE.as_str().to_owned(),
        message: "The header must be `on`, `off` or `refresh`.".to_owned(),
        kind: "value_error",
    });
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(&'static str, &'static str)]) -> Result<Wish, Failure> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        Wish::read(&headers)
    }

    #[test]
    fn headers_say_whether_and_which_answers_will_do() {
        type Lines = &'static [(&'static str, &'static str)];
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let cases: [(Lines, Option<bool>, bool, Option<Duration>); 10] = [
            (&[], None, true, None),
            (&[("cache-control", "no-cache")], None, false, None),
            (&[("cache-control", "No-Store")], Some(false), true, None),
            (&[("cache-control", "max-age=7")], None, true, seconds(7)),
            (
                &[("cache-control", "x=1, max-age=\"0\" , y")],
                None,
                true,
                seconds(0),
            ),
            (&[("cache-control", "max-age=soon")], None, true, None),
            (&[("x-tollgate-cache", "on")], Some(true), true, None),
            (&[("x-tollgate-cache", "off")], Some(false), true, None),
            (&[("x-tollgate-cache", "refresh")], Some(true), false, None),
            (
                &[("x-tollgate-cache", "on"), ("cache-control", "no-store")],
                Some(false),
                true,
                None,
            ),
        ];
        for (lines, asks, reads, max_age) in cases {
            let expected = Wish {
                asks,
                reads,
                max_age,
            };
            assert_eq!(read(lines).unwrap(), expected, "{lines:?}");
        }
        let failure = read(&[("x-tollgate-cache", "yes")]).unwrap_err();
        assert_eq!(failure.code, Code::InvalidRequest);
        assert_eq!(failure.fields[0].path, "x-tollgate-cache");
    }

    #[test]
    fn who_declines_gets_nothing_and_who_must_ask_gets_it_for_asking() {
        for (lines, ask, on) in [
            (&[][..], false, true),
            (&[("x-tollgate-cache", "on")], true, true),
            (&[("x-tollgate-cache", "refresh")], true, true),
            (&[("x-tollgate-cache", "off")], false, false),
            (&[("cache-control", "no-cache")], false, true),
            (&[("cache-control", "no-store")], false, false),
        ] {
            let wish = read(lines).unwrap();
            let seen = [CacheMode::Off, CacheMode::Ask, CacheMode::On].map(|mode| wish.uses(mode));
            assert_eq!(seen, [false, ask, on], "{lines:?}");
        }
    }
}
