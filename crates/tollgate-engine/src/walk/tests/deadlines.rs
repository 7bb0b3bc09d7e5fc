//! When the time of a request is over.

use super::*;

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_when_the_time_is_over_before_the_first_attempt() {
    let world = World::new(failing(&[]), vec![model("m", &["a"], Rules::default())], 1).await;
    for stream in [false, true] {
        let wishes = Wishes {
            first_byte: Some(NONE),
            ..Wishes::default()
        };
        let (caller, call) = (caller("app", &["*"]), call("m", stream));
        let mut trail = Trail::default();
        let served = world.serve_for(&caller, &call, &wishes, &mut trail).await;
        assert_eq!(served.err().unwrap().code, Code::RouteSelectionTimeout);
        assert!(trail.is_empty() && world.script.seen().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_when_a_failure_has_taken_all_the_time() {
    // The failure comes at the very end: a provider can be slow to say what is wrong, too.
    let script = Script::new(|attempt| match &*attempt.target.connection {
        "a" => Act::Fail(seconds(2.0), failure(Code::ProviderError)),
        _ => begun(),
    });
    let world = World::new(script, vec![model("m", &["a", "b"], Rules::default())], 1).await;
    let wishes = Wishes {
        first_byte: Some(seconds(2.0)),
        ..Wishes::default()
    };
    let (caller, call) = (caller("app", &["*"]), call("m", true));
    let mut trail = Trail::default();
    let served = world.serve_for(&caller, &call, &wishes, &mut trail).await;
    assert_eq!(served.err().unwrap().code, Code::ProviderError);
    assert_eq!(world.script.seen().len(), 1);
}
