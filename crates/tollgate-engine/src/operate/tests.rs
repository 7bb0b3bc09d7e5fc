use tollgate_core::route::health::Thresholds;
use tollgate_core::route::rules::Rules;

use super::*;
use crate::checks::Checks;
use crate::engine::Routing;
use crate::routes::DeclaredModel;
use crate::testing::{Act, Script, World, call, model};
use crate::trail::Trail;

fn answering() -> Script {
    Script::new(|_| Act::Answer(Duration::ZERO))
}

fn wildcard(name: &str, connection: &str) -> DeclaredModel {
    let mut declared = model(name, &[connection], Rules::default());
    declared.targets[0].target.model = ANY.into();
    declared
}

fn declared(name: &str, checks: Option<Checks>) -> DeclaredConnection {
    DeclaredConnection {
        name: name.into(),
        provider: "scripted",
        limits: Limits::default(),
        checks,
        owner: None,
        fingerprint: 0,
    }
}

fn states(state: &ConnectionState) -> Vec<(&str, State)> {
    let targets = state.targets.iter();
    targets
        .map(|target| (&*target.model, target.reading.breaker.state))
        .collect()
}

async fn serve(world: &World, name: &str) -> Result<(), Code> {
    let served = world.serve(&call(name, false), &mut Trail::default()).await;
    match served {
        Ok(served) => {
            if let Some(permit) = served.permit {
                permit.succeed(None);
            }
            Ok(())
        }
        Err(failure) => Err(failure.code),
    }
}

#[tokio::test(start_paused = true)]
async fn connections_are_listed_with_their_targets() {
    let mut second = model("n", &["a"], Rules::default());
    second.targets[0].enabled = false;
    second.targets[0].target.model = "other".into();
    let twin = model("twin", &["a"], Rules::default());
    let models = vec![model("m", &["a", "b"], Rules::default()), second, twin];
    let world = World::new(answering(), models, 1).await;
    let listed = connections(&world.engine);
    let names: Vec<_> = listed.iter().map(|state| &*state.declared.name).collect();
    assert_eq!(names, ["a", "b"]);
    let a = &listed[0];
    assert_eq!((a.models, a.status()), (3, Status::Active));
    assert_eq!(states(a), [("m", State::Closed), ("other", State::Closed)]);
    let serves: Vec<_> = a.targets[0].serves.iter().map(AsRef::as_ref).collect();
    assert_eq!(serves, ["m", "twin"], "one target, two names");
    assert_eq!([a.targets[0].enabled, a.targets[1].enabled], [true, false]);
}

#[tokio::test(start_paused = true)]
async fn an_isolated_target_gets_nothing_until_it_is_closed() {
    let models = vec![model("m", &["a"], Rules::default())];
    let world = World::new(answering(), models, 1).await;
    let state = order(&world.engine, "a", Some("m"), Order::Isolate).unwrap();
    assert_eq!(states(&state), [("m", State::Isolated)]);
    assert_eq!(state.status(), Status::Inactive);
    assert!(serve(&world, "m").await.is_err());
    tokio::time::advance(Duration::from_secs(100_000)).await;
    assert!(
        serve(&world, "m").await.is_err(),
        "time does not bring it back"
    );
    assert_eq!(world.script.seen().len(), 0);
    order(&world.engine, "a", None, Order::Close).unwrap();
    assert_eq!(serve(&world, "m").await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn an_opened_target_comes_back_by_a_probe() {
    let models = vec![
        model("m", &["a"], Rules::default()),
        model("twin", &["a"], Rules::default()),
    ];
    let world = World::new(answering(), models, 1).await;
    let state = order(&world.engine, "a", None, Order::Open).unwrap();
    assert_eq!(states(&state), [("m", State::Open)]);
    assert_eq!(state.status(), Status::Error);
    assert_eq!(
        state.targets[0].reading.breaker.opened, 1,
        "opened once, by two names"
    );
    assert_eq!(serve(&world, "m").await, Err(Code::CircuitBreakerOpen));
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(serve(&world, "m").await, Ok(()));
    let state = connection(&world.engine, "a").unwrap();
    assert_eq!(states(&state), [("m", State::Closed)]);
}

#[tokio::test(start_paused = true)]
async fn one_name_behind_a_wildcard_can_be_isolated_and_stays_so_over_a_reload() {
    let world = World::new(answering(), vec![wildcard("w/*", "a")], 1).await;
    let engine = &world.engine;
    let state = order(engine, "a", Some("bad"), Order::Isolate).unwrap();
    assert_eq!(
        states(&state),
        [("*", State::Closed), ("bad", State::Isolated)]
    );
    let check = async || {
        assert!(serve(&world, "w/bad").await.is_err());
        assert_eq!(serve(&world, "w/good").await, Ok(()));
    };
    check().await;
    engine.set_routing(Routing {
        connections: vec![declared("a", None)],
        models: vec![wildcard("w/*", "a"), model("new", &["a"], Rules::default())],
    });
    check().await;
    order(engine, "a", Some("bad"), Order::Close).unwrap();
    assert_eq!(serve(&world, "w/bad").await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn orders_for_what_is_not_there_are_refused() {
    let models = vec![model("m", &["a"], Rules::default())];
    let world = World::new(answering(), models, 1).await;
    let engine = &world.engine;
    let failure = order(engine, "none", None, Order::Close).unwrap_err();
    assert_eq!(failure.code, Code::ResourceNotFound);
    let failure = order(engine, "a", Some("none"), Order::Isolate).unwrap_err();
    assert_eq!(failure.code, Code::InvalidRequest);
    assert_eq!(failure.fields[0].path, "model");
    engine.set_routing(Routing {
        connections: vec![declared("idle", None)],
        models: Vec::new(),
    });
    let failure = order(engine, "idle", None, Order::Open).unwrap_err();
    assert_eq!(failure.code, Code::Conflict);
    assert_eq!(
        connection(engine, "idle").unwrap().status(),
        Status::Inactive
    );
}

#[tokio::test(start_paused = true)]
async fn a_test_tells_how_it_went_and_moves_no_requests() {
    let script = answering().checked(|name| match name {
        "good" => Ok(()),
        _ => Err(Failure::provider(
            Code::ProviderAuthenticationFailed,
            "scripted",
        )),
    });
    let models = vec![
        model("m", &["good"], Rules::default()),
        model("n", &["bad"], Rules::default()),
    ];
    let world = World::new(script, models, 1).await;
    let engine = &world.engine;
    let checks = Checks {
        interval: Duration::from_secs(30),
        timeout: Duration::from_secs(5),
        model: None,
        thresholds: Thresholds {
            unhealthy: 1,
            healthy: 1,
        },
    };
    engine.set_routing(Routing {
        connections: vec![declared("good", None), declared("bad", Some(checks))],
        models: vec![model("n", &["bad"], Rules::default())],
    });
    let tested = test(engine, "good", None).await.unwrap();
    assert!(tested.outcome.is_ok());
    for _ in 0..5 {
        let tested = test(engine, "bad", Some("m")).await.unwrap();
        let failure = tested.outcome.unwrap_err();
        assert_eq!(failure.code, Code::ProviderAuthenticationFailed);
    }
    let state = connection(engine, "bad").unwrap();
    assert!(state.reading.healthy, "only active checks decide");
    let last = state.last_tested().unwrap();
    assert_eq!(last.failure, Some(Code::ProviderAuthenticationFailed));
    assert_eq!(serve(&world, "n").await, Ok(()));
    let failure = test(engine, "none", None).await.unwrap_err();
    assert_eq!(failure.code, Code::ResourceNotFound);
}

#[tokio::test(start_paused = true)]
async fn moments_are_told_by_the_time_of_day() {
    let world = World::new(answering(), Vec::new(), 1).await;
    let engine = &world.engine;
    tokio::time::advance(Duration::from_secs(100)).await;
    let (now, moment) = (engine.clock().now(), engine.moment());
    assert_eq!(time_of(engine, moment), now);
    let later = moment.after(Duration::from_mins(1));
    assert_eq!(time_of(engine, later), now.after(Duration::from_mins(1)));
    let earlier = Moment::START.after(Duration::from_secs(40));
    let passed = now.since(time_of(engine, earlier));
    assert_eq!(passed, moment.since(earlier));
}
