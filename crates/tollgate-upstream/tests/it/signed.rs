//! Requests that are signed with an access key.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use tollgate_core::format::Format;
use tollgate_core::secret::Secret;
use tollgate_upstream::provider::find;
use tollgate_upstream::settings::{Identity, Place};
use tollgate_upstream::{AccessKey, ConnectionSettings};

use crate::world::{Gateway, Provider, Received, answer, call, send};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    hmac.update(text.as_bytes());
    hmac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// The `authorization` that belongs to what arrived, computed as AWS does at its end.
fn expected(received: &Received) -> String {
    let path = received.head.split(' ').nth(1).unwrap().replace('%', "%25");
    let signed = ["content-type", "host", "x-amz-date", "x-amz-security-token"];
    let lines: Vec<_> = signed
        .iter()
        .map(|name| format!("{name}:{}\n", received.header(name)[0]))
        .collect();
    let names = signed.join(";");
    let canonical = format!(
        "POST\n{path}\n\n{}\n{names}\n{}",
        lines.concat(),
        hex(&Sha256::digest(&received.body))
    );
    let date = received.header("x-amz-date")[0];
    let day = &date[..8];
    let scope = format!("{day}/eu-west-1/bedrock/aws4_request");
    let canonical = hex(&Sha256::digest(canonical.as_bytes()));
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{canonical}");
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in scope.split('/') {
        key = hmac(&key, part);
    }
    let signature = hex(&hmac(&key, &text));
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders={names}, \
         Signature={signature}"
    )
}

#[tokio::test]
async fn what_arrives_is_what_was_signed() {
    let body = r#"{"message":"no"}"#;
    let provider = Provider::always(vec![send(answer(
        "403 Forbidden",
        "application/json",
        body,
    ))]);
    let row = find("bedrock").unwrap();
    let url = provider.listen().await.replace("/v1", "");
    let place = Place::of(row, Some(&url)).unwrap();
    let mut settings = ConnectionSettings::new("main", row, place);
    settings.region = Some("eu-west-1".into());
    settings.identity = Some(Identity::AccessKey(AccessKey {
        id: Secret::new("AKIDEXAMPLE"),
        secret: Secret::new(SECRET),
        session_token: Some(Secret::new("session")),
    }));
    let mut gateway = Gateway::with(settings);
    for (model, stream) in [
        ("amazon.nova-lite-v1:0", false),
        ("amazon.nova-lite-v1:0", true),
        ("arn:aws:bedrock:eu-west-1:1:inference-profile/x", true),
    ] {
        gateway.model = model;
        let mut call = call(stream);
        call.format = Format::Bedrock;
        gateway.send(&call).await.err().unwrap();
        let received = provider.received().pop().unwrap();
        // The clock of these tests stands still.
        assert_eq!(received.header("x-amz-date"), ["20251121T100000Z"]);
        assert_eq!(received.header("x-amz-security-token"), ["session"]);
        assert_eq!(received.header("authorization"), [expected(&received)]);
    }
}
