//! What is read of a call before a target is chosen.

use bytes::Bytes;
use tollgate_core::route::condition::Ability;
use tollgate_engine::port::{Insight, Upstream as _, Want};

use crate::world::{Gateway, call};

#[test]
fn a_call_is_read_for_what_is_wanted_and_for_nothing_else() {
    let gateway = Gateway::at("openai", "http://127.0.0.1:9/v1");
    let mut call = call(false);
    call.body = Bytes::from_static(
        br#"{"model":"m","user":"u","tools":[{"type":"function"}],"prompt_cache_key":"k",
            "messages":[{"role":"user","content":"12345678"}]}"#,
    );
    let read = |want| gateway.upstreams().read(&call, want);
    let nothing = Want::default();
    assert_eq!(read(nothing), Insight::default());
    let needs = read(Want {
        needs: true,
        ..nothing
    });
    assert!(needs.needs.has(Ability::Tools) && needs.user.is_none());
    let tokens = read(Want {
        tokens: true,
        ..nothing
    });
    // Eight letters, one part, one tool.
    assert_eq!(tokens.prompt_tokens, Some(2 + 4 + 8 + 5));
    let user = read(Want {
        user: true,
        ..nothing
    });
    assert_eq!(user.user.as_deref(), Some("u"));
    let conversation = read(Want {
        conversation: true,
        ..nothing
    });
    assert!(conversation.conversation.is_some() && conversation.prompt_tokens.is_none());
}
