//! Limits at every level, in a world with scripted providers.

use std::time::Duration;

use tollgate_core::budget::Controls;
use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, detail};
use tollgate_core::id::{OrgId, TeamId, UserId};
use tollgate_core::key::{Tenancy, VirtualKey};
use tollgate_core::limit::Kind;
use tollgate_core::route::rules::Rules;
use tollgate_core::tenant::{Organization, Role, Status, Team, User};
use tollgate_core::time::Timestamp;

use super::*;
use crate::keys::{Entry, Home};
use crate::tenants::Tenants;
use crate::testing::{Script, World, caller as plain_caller, model};

const RPM_2: RateLimits = RateLimits {
    rpm: Some(2),
    ..RateLimits::NONE
};
const TPM_100: RateLimits = RateLimits {
    tpm: Some(100),
    ..RateLimits::NONE
};
const ONE_AT_ONCE: RateLimits = RateLimits {
    parallel: Some(1),
    ..RateLimits::NONE
};

struct Scene {
    tenants: Tenants,
    engine: Arc<Engine>,
    caller: Caller,
}

impl Scene {
    async fn new() -> Self {
        let models = vec![model("m", &["c"], Rules::default())];
        let script = Script::new(|_| panic!("no provider is asked here"));
        let world = World::new(script, models, 1).await;
        let tenants = tenants();
        Self {
            engine: world.engine,
            caller: caller(&tenants),
            tenants,
        }
    }

    fn set(&mut self, level: Level, limits: RateLimits) {
        let controls = controls(limits);
        match level {
            Level::Ip => self.default(|defaults| defaults.ip = limits),
            Level::Model => self.default(|defaults| defaults.model = limits),
            Level::Key => {
                let mut key = VirtualKey::clone(&self.caller.key);
                key.controls = controls.into();
                let home = Home::find(&self.tenants, &key.tenancy).unwrap();
                let changed = with_key(key, home);
                changed.entry.meter().inherit(self.caller.entry.meter());
                self.caller = changed;
            }
            Level::User => {
                let user = self.caller.user().unwrap();
                let facts = User::clone(&user.facts());
                self.tenants.put_user(User { controls, ..facts }).unwrap();
            }
            Level::Team => {
                let team = self.caller.team();
                let facts = Team::clone(&team.facts());
                self.tenants.put_team(Team { controls, ..facts }).unwrap();
            }
            Level::Organization => {
                let organization = self.caller.organization();
                let facts = Organization::clone(&organization.facts());
                self.tenants
                    .put_organization(Organization { controls, ..facts });
            }
        }
    }

    fn default(&self, change: impl FnOnce(&mut DefaultLimits)) {
        let mut defaults = **self.engine.limits.load();
        change(&mut defaults);
        self.engine.limits.store(Arc::new(defaults));
    }

    /// A whole call up to where the provider would be asked.
    fn call(&self, tokens: u64) -> Result<Pass, Failure> {
        let visitor = knock(&self.engine, "192.0.2.1".parse().unwrap())?;
        let mut pass = Pass::take(&self.engine, &self.caller, visitor)?;
        let route = self.engine.routes().find("m").unwrap();
        pass.reserve(&route, tokens)?;
        Ok(pass)
    }

    fn refused(&self, tokens: u64) -> (Level, Kind) {
        let failure = self.call(tokens).unwrap_err();
        assert_eq!(failure.code, Code::RateLimitExceeded);
        let text = |name| {
            let mut details = failure.details.iter();
            let (_, found) = details.find(|(found, _)| *found == name).unwrap();
            match found {
                Detail::Text(text) => text.clone(),
                Detail::Number(_) => panic!("{name} is no text"),
            }
        };
        let what = text(detail::WHAT);
        let kind = Kind::ALL.iter().find(|kind| kind.as_str() == what);
        (
            Level::from_name(&text(detail::LEVEL)).unwrap(),
            *kind.unwrap(),
        )
    }

    fn places(&self) -> u32 {
        let meter = |slot: &MeterSlot| {
            let rates = slot.there().map(|meter| meter.rates.lock().parallel());
            rates.unwrap_or(0)
        };
        let route = self.engine.routes().find("m").unwrap();
        meter(self.caller.entry.meter())
            + meter(&self.caller.user().unwrap().meter)
            + meter(&self.caller.team().meter)
            + meter(&self.caller.organization().meter)
            + meter(&route.meter)
    }
}

fn controls(limits: RateLimits) -> Controls {
    Controls {
        limits,
        ..Controls::default()
    }
}

/// A user, a team and an organization.
fn tenants() -> Tenants {
    let tenants = Tenants::default();
    tenants.put_organization(Organization {
        id: OrgId::from_stored("o"),
        name: "o".into(),
        status: Status::Active,
        controls: Controls::default(),
        keeps_bodies: false,
        created_at: Timestamp::from_millis(0),
        metadata: None,
        updated_at: None,
        declared: false,
    });
    let team = tenants.put_team(Team {
        id: TeamId::from_stored("t"),
        organization: OrgId::from_stored("o"),
        name: "t".into(),
        status: Status::Active,
        controls: Controls::default(),
        job_terms: None,
        created_at: Timestamp::from_millis(0),
        metadata: None,
        updated_at: None,
        declared: false,
    });
    team.unwrap();
    let user = tenants.put_user(User {
        id: UserId::from_stored("u"),
        organization: OrgId::from_stored("o"),
        email: "u@example.com".into(),
        role: Role::Member,
        status: Status::Active,
        controls: Controls::default(),
        created_at: Timestamp::from_millis(0),
    });
    user.unwrap();
    tenants
}

/// A caller who is this user, with a key of this team.
fn caller(tenants: &Tenants) -> Caller {
    let mut key = VirtualKey::clone(&plain_caller("app", &["*"]).key);
    key.tenancy = Tenancy {
        team: TeamId::from_stored("t"),
        user: Some(UserId::from_stored("u")),
    };
    let home = Home::find(tenants, &key.tenancy).unwrap();
    with_key(key, home)
}

fn with_key(key: VirtualKey, home: Home) -> Caller {
    Caller::new(Arc::new(Entry::alone(Arc::new(key), home)))
}

#[tokio::test(start_paused = true)]
async fn every_level_limits_requests_tokens_and_parallel_ones() {
    for &level in Level::ALL {
        let mut scene = Scene::new().await;
        scene.set(level, RPM_2);
        scene.call(10).unwrap();
        scene.call(10).unwrap();
        assert_eq!(scene.refused(10), (level, Kind::Requests));
        tokio::time::advance(Duration::from_secs(30)).await;
        scene.call(10).unwrap();

        let mut scene = Scene::new().await;
        scene.set(level, ONE_AT_ONCE);
        let first = scene.call(10).unwrap();
        assert_eq!(scene.refused(10), (level, Kind::Parallel));
        drop(first);
        scene.call(10).unwrap();

        let mut scene = Scene::new().await;
        scene.set(level, TPM_100);
        let _first = scene.call(60).unwrap();
        assert_eq!(scene.refused(60), (level, Kind::Tokens));
        tokio::time::advance(Duration::from_secs(12)).await;
        scene.call(60).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn where_one_level_refuses_nothing_is_taken_at_the_others() {
    let levels = [
        Level::Key,
        Level::User,
        Level::Team,
        Level::Organization,
        Level::Model,
    ];
    for refusing in levels {
        let mut scene = Scene::new().await;
        let wide = RateLimits {
            rpm: Some(100),
            tpm: Some(1000),
            parallel: Some(100),
            burst: None,
        };
        for level in levels {
            scene.set(level, wide);
        }
        scene.set(
            refusing,
            RateLimits {
                rpm: Some(0),
                ..wide
            },
        );
        assert_eq!(scene.refused(10), (refusing, Kind::Requests));
        scene.set(
            refusing,
            RateLimits {
                tpm: Some(9),
                ..wide
            },
        );
        let _full = scene.call(9).unwrap();
        assert_eq!(scene.refused(5), (refusing, Kind::Tokens));
        scene.set(refusing, wide);
        assert_eq!(scene.places(), 5, "{refusing:?}");
        let standings = standings(&scene.engine, &scene.caller, Visitor::default());
        assert_eq!(standings.requests.unwrap().remaining, 99, "{refusing:?}");
        assert_eq!(standings.tokens.unwrap().remaining, 991, "{refusing:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_limits_the_one_that_holds_longest_is_told() {
    let mut scene = Scene::new().await;
    scene.set(
        Level::Key,
        RateLimits {
            rpm: Some(6),
            burst: Some(1),
            ..RateLimits::NONE
        },
    );
    scene.set(
        Level::Team,
        RateLimits {
            rpm: Some(2),
            burst: Some(1),
            ..RateLimits::NONE
        },
    );
    scene.call(10).unwrap();
    let failure = scene.call(10).unwrap_err();
    assert_eq!(failure.retry_after, Some(Duration::from_secs(30)));
    let message = failure.message.as_deref().unwrap();
    assert_eq!(
        message,
        "The team of this API key has a limit of 2 requests a minute, and it is reached. Send \
         this request again in 30s."
    );
    let figures: Vec<_> = failure.details.iter().map(|(name, _)| *name).collect();
    assert_eq!(figures, ["level", "what", "limit", "remaining", "reset"]);
    tokio::time::advance(Duration::from_secs(30)).await;
    scene.call(10).unwrap();
    let [refusal] = scene.engine.throttle.refusals()[..] else {
        panic!("one limit has refused")
    };
    assert_eq!((refusal.level, refusal.kind), (Level::Team, Kind::Requests));
    assert_eq!(refusal.count, 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_settled_counts_what_it_used_and_one_that_is_dropped_counts_nothing() {
    let mut scene = Scene::new().await;
    scene.set(
        Level::Team,
        RateLimits {
            tpm: Some(100),
            ..RPM_2
        },
    );
    let tokens = |pass: &Pass| pass.standings().tokens.unwrap().remaining;
    let mut pass = scene.call(80).unwrap();
    assert_eq!(tokens(&pass), 20);
    pass.settle(Some(30));
    assert_eq!(tokens(&pass), 70);
    drop(pass);
    let pass = scene.call(50).unwrap();
    assert_eq!(tokens(&pass), 20);
    drop(pass);
    let standing = || standings(&scene.engine, &scene.caller, Visitor::default());
    assert_eq!(standing().tokens.unwrap().remaining, 70);
    assert_eq!(standing().requests.unwrap().remaining, 0, "both have come");
    tokio::time::advance(Duration::from_mins(1)).await;
    let mut pass = scene.call(10).unwrap();
    pass.settle(Some(190));
    drop(pass);
    // 90 tokens of debt, and then 10 for this one.
    let failure = scene.call(10).unwrap_err();
    assert_eq!(failure.retry_after, Some(Duration::from_mins(1)));
    let mut pass = Scene::new().await.call(10).unwrap();
    pass.settle(None);
    assert!(pass.standings().is_none());
}

#[tokio::test(start_paused = true)]
async fn changed_limits_hold_from_the_next_request_on() {
    for &level in Level::ALL {
        let mut scene = Scene::new().await;
        scene.call(10).unwrap();
        scene.set(
            level,
            RateLimits {
                rpm: Some(0),
                ..RateLimits::NONE
            },
        );
        assert_eq!(scene.refused(10), (level, Kind::Requests));
        scene.set(level, RPM_2);
        scene.call(10).unwrap();
        scene.set(level, RateLimits::NONE);
        for _ in 0..10 {
            scene.call(10).unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn places_that_were_taken_are_given_back_also_when_the_limit_is_gone() {
    let mut scene = Scene::new().await;
    for &level in Level::ALL {
        scene.set(level, ONE_AT_ONCE);
    }
    // A key that is declared anew is another entry; this one stays.
    let pass = scene.call(10).unwrap();
    assert_eq!(scene.places(), 5);
    for level in [
        Level::Ip,
        Level::User,
        Level::Team,
        Level::Organization,
        Level::Model,
    ] {
        scene.set(level, RateLimits::NONE);
    }
    drop(pass);
    assert_eq!(scene.places(), 0);
    for level in [
        Level::Ip,
        Level::User,
        Level::Team,
        Level::Organization,
        Level::Model,
    ] {
        scene.set(level, ONE_AT_ONCE);
    }
    scene.call(10).unwrap();
}

#[tokio::test(start_paused = true)]
async fn own_limits_come_before_those_of_the_deployment() {
    let mut scene = Scene::new().await;
    scene.default(|defaults| {
        defaults.team = RateLimits {
            rpm: Some(1),
            tpm: Some(50),
            ..RateLimits::NONE
        };
    });
    scene.set(Level::Team, RPM_2);
    let standings = scene.call(10).unwrap().standings();
    let requests = standings.requests.unwrap();
    assert_eq!((requests.limit, requests.remaining), (2, 1));
    assert_eq!(standings.tokens.unwrap().limit, 50);
}

#[tokio::test(start_paused = true)]
async fn the_tightest_level_is_advertised_and_what_is_advertised_is_granted() {
    let mut scene = Scene::new().await;
    scene.set(
        Level::Ip,
        RateLimits {
            rpm: Some(9),
            ..RateLimits::NONE
        },
    );
    scene.set(
        Level::Key,
        RateLimits {
            rpm: Some(30),
            burst: Some(5),
            ..RateLimits::NONE
        },
    );
    scene.set(
        Level::Model,
        RateLimits {
            rpm: Some(8),
            tpm: Some(1000),
            ..RateLimits::NONE
        },
    );
    let pass = scene.call(100).unwrap();
    let standings = pass.standings();
    let requests = standings.requests.unwrap();
    assert_eq!((requests.level, requests.limit), (Level::Key, 30));
    assert_eq!(
        (requests.remaining, requests.reset),
        (4, Duration::from_secs(2))
    );
    let tokens = standings.tokens.unwrap();
    assert_eq!((tokens.level, tokens.remaining), (Level::Model, 900));
    assert_eq!(tokens.reset, Duration::from_secs(6));
    for _ in 0..4 {
        scene.call(1).unwrap();
    }
    assert_eq!(scene.refused(1), (Level::Key, Kind::Requests));
    tokio::time::advance(requests.reset).await;
    scene.call(1).unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_limits_nothing_is_kept() {
    let scene = Scene::new().await;
    let mut pass = scene.call(10).unwrap();
    assert!(pass.standings().is_none());
    pass.settle(Some(5));
    assert!(pass.standings().is_none());
    assert!(scene.caller.entry.meter().there().is_none());
    assert!(scene.caller.team().meter.there().is_none());
    assert!(scene.caller.organization().meter.there().is_none());
    assert!(scene.engine.throttle.refusals().is_empty());
}

#[tokio::test(start_paused = true)]
async fn guessing_from_one_address_does_not_keep_others_out() {
    let mut scene = Scene::new().await;
    scene.set(Level::Ip, RPM_2);
    let knock = |address: &str| knock(&scene.engine, address.parse().unwrap());
    knock("2001:db8::1").unwrap();
    knock("2001:db8::2").unwrap();
    let failure = knock("2001:db8::3").unwrap_err();
    assert_eq!(failure.code, Code::RateLimitExceeded);
    knock("2001:db8:0:1::3").unwrap();
}
