use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_763_719_200_500);

fn pem(pair: &KeyPair) -> String {
    let der = pair.as_der().unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

fn pair() -> KeyPair {
    KeyPair::generate(KeySize::Rsa2048).unwrap()
}

fn decoded(part: &str) -> serde_json::Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn an_assertion_says_who_asks_for_what_and_is_signed() {
    let pair = pair();
    let file = json!({
        "type": "service_account",
        "project_id": "p-1",
        "private_key_id": "key-1",
        "private_key": pem(&pair),
        "client_email": "a@p-1.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com",
    });
    let account = ServiceAccount::parse(&file.to_string()).unwrap();
    assert_eq!(account.project(), Some("p-1"));
    let assertion = account.assertion(NOW).unwrap();
    let parts: Vec<&str> = assertion.split('.').collect();
    assert_eq!(
        decoded(parts[0]),
        json!({ "alg": "RS256", "typ": "JWT", "kid": "key-1" })
    );
    assert_eq!(
        decoded(parts[1]),
        json!({
            "iss": "a@p-1.iam.gserviceaccount.com",
            "scope": "https://www.googleapis.com/auth/cloud-platform",
            "aud": "https://oauth2.googleapis.com/token",
            "iat": 1_763_719_200,
            "exp": 1_763_722_800,
        })
    );
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
    let signed = format!("{}.{}", parts[0], parts[1]);
    let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
    public.verify(signed.as_bytes(), &signature).unwrap();
    assert!(public.verify(b"something else", &signature).is_err());
}

#[test]
fn a_key_file_that_cannot_be_used_is_refused_with_a_reason() {
    let right = json!({ "client_email": "a@b", "private_key": pem(&pair()) });
    ServiceAccount::parse(&right.to_string()).unwrap();
    let with = |name: &str, value: serde_json::Value| {
        let mut file = right.clone();
        file[name] = value;
        file.to_string()
    };
    for (text, reason) in [
        ("sk-canary".to_owned(), "not the JSON object"),
        ("[]".to_owned(), "not the JSON object"),
        (with("type", "authorized_user".into()), "its `type`"),
        (with("client_email", "".into()), "no `client_email`"),
        (
            with("private_key", serde_json::Value::Null),
            "no `private_key`",
        ),
        (with("private_key", "canary".into()), "not in PEM"),
        (
            with(
                "private_key",
                "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n".into(),
            ),
            "no RSA key",
        ),
        (with("token_uri", "canary".into()), "not an address"),
        (
            with("token_uri", "http://example.com/token".into()),
            "not encrypted",
        ),
    ] {
        let problem = ServiceAccount::parse(&text).unwrap_err().to_string();
        assert!(problem.contains(reason), "{problem}");
        assert!(!problem.contains("canary"), "{problem}");
    }
    ServiceAccount::parse(&with("token_uri", "http://127.0.0.1:1/token".into())).unwrap();
}

#[test]
fn an_account_hides_its_key_and_is_the_same_only_with_it() {
    let file = |key: &str| json!({ "client_email": "a@b", "private_key": key }).to_string();
    let (one, two) = (pem(&pair()), pem(&pair()));
    let account = ServiceAccount::parse(&file(&one)).unwrap();
    assert!(!format!("{account:?}").contains("PRIVATE"));
    assert!(account.same_as(&ServiceAccount::parse(&file(&one)).unwrap()));
    assert!(!account.same_as(&ServiceAccount::parse(&file(&two)).unwrap()));
}
