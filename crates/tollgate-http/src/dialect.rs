//! In which dialect a request is answered when it fails.

use http::HeaderMap;
use http::header::ACCEPT;
use http::request::Parts;
use tollgate_core::error::dialect::Dialect;

use crate::family::Family;
use crate::routes;

/// Chooses, in this order: what the request asks for, the surface's own dialect, the key's
/// setting, the deployment's.
pub(crate) fn choose(parts: &Parts, of_key: Option<Dialect>, of_deployment: Dialect) -> Dialect {
    asked_for(&parts.headers)
        .or_else(|| routes::native_dialect(parts.uri.path()))
        .or_else(|| Family::dialect(parts))
        .or(of_key)
        .unwrap_or(of_deployment)
}

fn asked_for(headers: &HeaderMap) -> Option<Dialect> {
    if let Some(name) = headers.get("x-tollgate-error-dialect")
        && let Some(dialect) = name.to_str().ok().and_then(Dialect::from_name)
    {
        return Some(dialect);
    }
    let accepts = headers.get(ACCEPT)?.to_str().ok()?;
    let problem = accepts
        .split(',')
        .filter_map(|range| range.split(';').next())
        .any(|kind| kind.trim().eq_ignore_ascii_case("application/problem+json"));
    problem.then_some(Dialect::Problem)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_request_wins_over_the_surface_and_the_key_over_the_deployment() {
        let cases = [
            (None, None, "/v1/models", None, Dialect::OpenAi),
            (
                None,
                None,
                "/v1/models",
                Some(Dialect::LangMart),
                Dialect::LangMart,
            ),
            (
                Some("langmart"),
                None,
                "/v1/models",
                Some(Dialect::Problem),
                Dialect::LangMart,
            ),
            (
                Some("unheard-of"),
                None,
                "/v1/models",
                None,
                Dialect::OpenAi,
            ),
            (
                None,
                Some("text/html, application/problem+json;q=1"),
                "/v1/models",
                None,
                Dialect::Problem,
            ),
            (
                None,
                Some("application/json"),
                "/v1/models",
                None,
                Dialect::OpenAi,
            ),
            (
                None,
                None,
                "/v1/messages",
                Some(Dialect::LangMart),
                Dialect::Anthropic,
            ),
            (Some("openai"), None, "/v1/messages", None, Dialect::OpenAi),
        ];
        for (wish, accept, path, of_key, expected) in cases {
            let request = http::Request::builder().uri(path).body(());
            let mut parts = request.unwrap().into_parts().0;
            let headers = &mut parts.headers;
            if let Some(wish) = wish {
                headers.insert("x-tollgate-error-dialect", HeaderValue::from_static(wish));
            }
            if let Some(accept) = accept {
                headers.insert(ACCEPT, HeaderValue::from_static(accept));
            }
            let seen = choose(&parts, of_key, Dialect::OpenAi);
            assert_eq!(seen, expected, "{wish:?} {accept:?} {path}");
        }
    }
}
