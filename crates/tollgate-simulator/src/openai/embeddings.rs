//! Embeddings: vectors that depend on nothing but the text, the seed and the dimensions.

use serde_json::{Value, json};

use super::headers;
use crate::base64;
use crate::draft::Draft;
use crate::problem::Problem;
use crate::request::Request;
use crate::seed::{Numbers, hash};
use crate::text;

const DIMENSIONS: u64 = 256;
const MOST_DIMENSIONS: u64 = 4096;
const MOST_INPUTS: usize = 2048;

/// Answers a request for embeddings, or refuses it as the provider would.
pub(super) fn answer(request: &Request, seed: u64) -> Result<Draft, Problem> {
    if request.model().is_empty() {
        return Err(Problem::invalid(
            400,
            Some("model"),
            "Missing required parameter: 'model'.",
        ));
    }
    let inputs = inputs(request)?;
    let dimensions = request
        .member("dimensions")
        .map_or(Some(DIMENSIONS), Value::as_u64);
    let dimensions = dimensions.filter(|asked| (1..=MOST_DIMENSIONS).contains(asked));
    let Some(dimensions) = dimensions else {
        let text = "Invalid 'dimensions': expected a whole number from 1 to 4096.";
        return Err(Problem::invalid(400, Some("dimensions"), text));
    };
    let base64 = match request.member("encoding_format").map(Value::as_str) {
        None | Some(Some("float")) => false,
        Some(Some("base64")) => true,
        Some(_) => {
            let text = "Invalid 'encoding_format': expected 'float' or 'base64'.";
            return Err(Problem::invalid(400, Some("encoding_format"), text));
        }
    };
    let data = inputs.iter().enumerate().map(|(index, input)| {
        let vector = vector(&input.text, seed, dimensions);
        let embedding = if base64 {
            Value::from(encoded(&vector))
        } else {
            json!(vector)
        };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    });
    let tokens: u64 = inputs.iter().map(|input| input.tokens).sum();
    let body = json!({
        "object": "list",
        "data": data.collect::<Vec<_>>(),
        "model": request.shown_model(),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    });
    let headers = headers::common(request.number, seed, "application/json");
    Ok(Draft::whole(200, headers, body.to_string()))
}

struct Input {
    text: String,
    tokens: u64,
}

/// The inputs: a text, texts, token numbers, or arrays of them.
fn inputs(request: &Request) -> Result<Vec<Input>, Problem> {
    let inputs: Option<Vec<Input>> = match request.member("input") {
        Some(Value::Array(many)) if many.first().is_some_and(Value::is_number) => {
            numbers(many).map(|one| vec![one])
        }
        Some(Value::Array(many)) => many.iter().map(input).collect(),
        Some(one) => input(one).map(|one| vec![one]),
        None => None,
    };
    inputs
        .filter(|inputs| (1..=MOST_INPUTS).contains(&inputs.len()))
        .ok_or_else(|| {
            let text =
                "Invalid 'input': expected a text, or an array of 1 to 2048 texts or token arrays.";
            Problem::invalid(400, Some("input"), text)
        })
}

fn input(value: &Value) -> Option<Input> {
    match value {
        Value::String(text) if !text.is_empty() => Some(Input {
            text: text.clone(),
            tokens: text::count(text),
        }),
        Value::Array(tokens) => numbers(tokens),
        _ => None,
    }
}

fn numbers(tokens: &[Value]) -> Option<Input> {
    let all_numbers = !tokens.is_empty() && tokens.iter().all(Value::is_u64);
    all_numbers.then(|| Input {
        text: Value::from(tokens).to_string(),
        tokens: u64::try_from(tokens.len()).unwrap_or(u64::MAX),
    })
}

/// A vector of length one.
fn vector(text: &str, seed: u64, dimensions: u64) -> Vec<f32> {
    let mut numbers = Numbers::new(hash(seed, text.as_bytes()));
    // Twenty-four bits fit a float exactly, so the numbers are the same everywhere.
    let drawn: Vec<f32> = (0..dimensions)
        .map(|_| (numbers.draw() >> 40) as f32 / 8_388_608.0 - 1.0)
        .collect();
    let length = drawn
        .iter()
        .map(|part| part * part)
        .sum::<f32>()
        .sqrt()
        .max(f32::MIN_POSITIVE);
    drawn.into_iter().map(|part| part / length).collect()
}

/// Little-endian floats in base64, as the official Python client asks for by default.
fn encoded(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|part| part.to_le_bytes()).collect();
    base64::encoded(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        assert_eq!(encoded(&[1.0]), "AACAPw==");
        assert_eq!(encoded(&[1.0, -2.5]), "AACAPwAAIMA=");
        assert_eq!(encoded(&[0.0, 0.0, 1.0]), "AAAAAAAAAAAAAIA/");
    }

    #[test]
    fn a_vector_has_length_one_and_depends_on_text_and_seed() {
        let one = vector("a", 1, 256);
        let length: f32 = one.iter().map(|part| part * part).sum();
        assert!((length - 1.0).abs() < 1e-4, "{length}");
        assert_eq!(one, vector("a", 1, 256));
        assert_ne!(one, vector("b", 1, 256));
        assert_ne!(one, vector("a", 2, 256));
    }
}
