use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};

use super::*;

/// 2015-08-30T12:36:00Z, the time of AWS's own examples.
const NOW: Timestamp = Timestamp::from_millis(1_440_938_160_000);

fn key(session_token: Option<&str>) -> AccessKey {
    AccessKey {
        id: Secret::new("AKIDEXAMPLE"),
        secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        session_token: session_token.map(Secret::new),
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    hmac.update(text.as_bytes());
    hmac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

fn value<'a>(headers: &'a [(HeaderName, HeaderValue)], name: &str) -> Option<&'a str> {
    let mut headers = headers.iter();
    let found = headers.find(|(found, _)| found == name);
    found.map(|(_, value)| value.to_str().unwrap())
}

/// The signature, computed step by step as AWS describes it.
fn computed(canonical_path: &str, body: &str, session_token: Option<&str>) -> String {
    let (mut headers, mut names) = (
        "content-type:application/json\nhost:h.example\nx-amz-date:20150830T123600Z\n".to_owned(),
        "content-type;host;x-amz-date".to_owned(),
    );
    if let Some(token) = session_token {
        headers.extend(["x-amz-security-token:", token, "\n"]);
        names.push_str(";x-amz-security-token");
    }
    let body = hex(&Sha256::digest(body.as_bytes()));
    let canonical = format!("POST\n{canonical_path}\n\n{headers}\n{names}\n{body}");
    let scope = "20150830/us-east-1/bedrock/aws4_request";
    let text = format!(
        "AWS4-HMAC-SHA256\n20150830T123600Z\n{scope}\n{}",
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    let secret = format!("AWS4{}", key(None).secret.expose());
    let parts = ["20150830", "us-east-1", "bedrock", "aws4_request"];
    let key = parts
        .iter()
        .fold(secret.into_bytes(), |key, part| hmac(&key, part));
    let signature = hex(&hmac(&key, &text));
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders={names}, \
         Signature={signature}"
    )
}

fn signed(key: &AccessKey, path: &str, parts: &[&'static str]) -> Vec<(HeaderName, HeaderValue)> {
    let address = Uri::try_from(format!("https://h.example{path}")).unwrap();
    let place = SignedPlace {
        service: "bedrock",
        region: "us-east-1",
        address: &address,
    };
    let parts = parts.iter().map(|part| Bytes::from_static(part.as_bytes()));
    key.sign(&Method::POST, &place, &RequestBody::new(parts), NOW)
        .unwrap()
}

#[test]
fn a_signature_is_the_one_that_aws_describes() {
    for (path, canonical) in [
        ("/model/plain/converse", "/model/plain/converse"),
        // What is encoded in the address is encoded once more in what is signed.
        (
            "/model/x-v1%3A0/converse-stream",
            "/model/x-v1%253A0/converse-stream",
        ),
        (
            "/model/arn%3Aa%2Fb/converse",
            "/model/arn%253Aa%252Fb/converse",
        ),
    ] {
        let headers = signed(&key(None), path, &["{\"a\"", ":", "1}"]);
        assert_eq!(
            value(&headers, "authorization"),
            Some(&*computed(canonical, "{\"a\":1}", None)),
            "{path}"
        );
        assert_eq!(value(&headers, "x-amz-date"), Some("20150830T123600Z"));
        assert_eq!(value(&headers, "x-amz-security-token"), None);
    }
}

#[test]
fn a_session_token_is_sent_and_signed() {
    let headers = signed(&key(Some("token")), "/model/m/converse", &["{}"]);
    assert_eq!(value(&headers, "x-amz-security-token"), Some("token"));
    assert_eq!(
        value(&headers, "authorization"),
        Some(&*computed("/model/m/converse", "{}", Some("token")))
    );
}

#[test]
fn no_part_of_a_key_is_shown() {
    let key = key(Some("canary"));
    let shown = format!("{key:?}{:?}", signed(&key, "/model/m/converse", &["{}"]));
    for part in ["AKIDEXAMPLE", "wJalrXUtn", "canary"] {
        assert!(!shown.contains(part), "{shown}");
    }
}
