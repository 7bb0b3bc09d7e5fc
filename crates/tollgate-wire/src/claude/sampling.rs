//! How sampling is steered, within what the model takes.

use serde_json::Number;

use super::model::{self, Abilities};
use crate::formats::Lost;
use crate::neutral::Request;

/// What can be said about sampling.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sampling {
    pub(crate) temperature: Option<Number>,
    pub(crate) top_p: Option<Number>,
    pub(crate) top_k: Option<u64>,
}

/// What of the request's wishes the model takes. The rest is lost.
pub(crate) fn sampling(
    request: &Request,
    abilities: Abilities,
    thinks: bool,
    lost: &mut Lost,
) -> Sampling {
    /// Below it, nucleus sampling does not go with thinking.
    const LEAST_NUCLEUS: f64 = 0.95;
    let mut sampling = Sampling {
        temperature: temperature(request, lost),
        top_p: request.top_p.clone(),
        top_k: request.top_k,
    };
    let refused = abilities.sampling == model::Sampling::None;
    if refused || thinks {
        if let Some(temperature) = sampling.temperature.take()
            && !is_one(&temperature)
        {
            lost.push("temperature".to_owned());
        }
        if sampling.top_k.take().is_some() {
            lost.push("top_k".to_owned());
        }
        let wide = |top_p: &Number| top_p.as_f64().is_some_and(|top_p| top_p >= LEAST_NUCLEUS);
        if let Some(top_p) = &sampling.top_p
            && (refused || !wide(top_p))
        {
            if !is_one(top_p) {
                lost.push("top_p".to_owned());
            }
            sampling.top_p = None;
        }
    }
    let both = sampling.temperature.is_some() && sampling.top_p.is_some();
    if both && abilities.sampling == model::Sampling::OneOfTwo {
        sampling.top_p = None;
        lost.push("top_p".to_owned());
    }
    sampling
}

/// The temperature on a scale that ends at 1.
fn temperature(request: &Request, lost: &mut Lost) -> Option<Number> {
    let temperature = request.temperature.clone()?;
    if temperature.as_f64().is_some_and(|value| value > 1.0) {
        lost.push("temperature".to_owned());
        return Some(Number::from(1));
    }
    Some(temperature)
}

/// Whether it says what holds anyway.
fn is_one(number: &Number) -> bool {
    number
        .as_f64()
        .is_some_and(|value| (value - 1.0).abs() < f64::EPSILON)
}

/// The wishes that no format of these models has words for.
pub(crate) fn unsaid(request: &Request, lost: &mut Lost) {
    if request.seed.is_some() {
        lost.push("seed".to_owned());
    }
    let is_wish = |penalty: &Option<Number>| {
        penalty
            .as_ref()
            .and_then(Number::as_f64)
            .unwrap_or_default()
    };
    if is_wish(&request.frequency_penalty).abs() > 0.0 {
        lost.push("frequency_penalty".to_owned());
    }
    if is_wish(&request.presence_penalty).abs() > 0.0 {
        lost.push("presence_penalty".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(model: &str, thinks: bool, request: &Request) -> (Sampling, Lost) {
        let mut lost = Lost::new();
        let sampling = sampling(request, Abilities::of(model), thinks, &mut lost);
        (sampling, lost)
    }

    fn wishes(temperature: f64, top_p: f64) -> Request {
        Request {
            temperature: Number::from_f64(temperature),
            top_p: Number::from_f64(top_p),
            top_k: Some(7),
            ..Request::default()
        }
    }

    #[test]
    fn what_is_taken_goes_and_the_rest_is_told() {
        let (sampling, lost) = run("claude-3-5-sonnet", false, &wishes(0.5, 0.9));
        assert_eq!(sampling.top_k, Some(7));
        assert!(sampling.top_p.is_some() && lost.is_empty());
        let (sampling, lost) = run("claude-3-5-sonnet", false, &wishes(1.5, 0.9));
        assert_eq!(sampling.temperature, Some(Number::from(1)));
        assert_eq!(lost, ["temperature"]);
        let (sampling, lost) = run("claude-sonnet-4-5", false, &wishes(0.5, 0.9));
        assert!(sampling.temperature.is_some() && sampling.top_p.is_none());
        assert_eq!(lost, ["top_p"]);
        let (sampling, lost) = run("claude-sonnet-4-5", true, &wishes(0.5, 0.97));
        assert!(sampling.temperature.is_none() && sampling.top_p.is_some());
        assert_eq!(lost, ["temperature", "top_k"]);
        let (sampling, lost) = run("claude-opus-5", false, &wishes(1.0, 0.97));
        assert_eq!(sampling, Sampling::default());
        assert_eq!(lost, ["top_k", "top_p"]);
    }
}
