//! An engine in a world that a test makes: its models, its providers and its callers.

use std::sync::Arc;

use crate::caller::Caller;
use bytes::Bytes;
use tollgate_core::call::{Call, Marks, Wishes};
use tollgate_core::error::Failure;
use tollgate_core::format::{Format, Operation};
use tollgate_core::id::KeyId;
use tollgate_core::key::{
    KeyHash, KeyHasher, ModelScope, Permissions, Priority, Tenancy, VirtualKey,
};
use tollgate_core::model::Target;
use tollgate_core::route::limit::Limits;
use tollgate_core::route::rules::Rules;
use tollgate_core::time::Timestamp;

use super::{ManualClock, MemoryStore, Script, counting_entropy};
use crate::accounts::{self, Accounts, Environment};
use crate::chat::{self, Plan, Served};
use crate::engine::{Engine, Routing};
use crate::health::DeclaredConnection;
use crate::port::Clock;
use crate::routes::{DeclaredModel, DeclaredTarget};
use crate::trail::Trail;

/// An engine over a scripted provider.
pub struct World {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The provider.
    pub script: Arc<Script>,
}

impl World {
    /// Puts an engine over a script together. The seed is for the engine's chance.
    ///
    /// # Panics
    /// Never: the store is in memory.
    pub async fn new(script: Script, models: Vec<DeclaredModel>, seed: u64) -> Self {
        let clock = ManualClock::new(Timestamp::from_millis(1_795_255_200_000));
        Self::at(Arc::new(clock), script, models, seed).await
    }

    /// The same by another clock.
    ///
    /// # Panics
    /// Never: the store is in memory.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub async fn at(
        clock: Arc<dyn Clock>,
        script: Script,
        models: Vec<DeclaredModel>,
        seed: u64,
    ) -> Self {
        let parts = accounts::Parts {
            store: Arc::new(MemoryStore::default()),
            clock: Arc::clone(&clock),
            hasher: KeyHasher::new(&[1; 32]),
            environment: Environment::Live,
            entropy: counting_entropy,
        };
        let accounts = Accounts::open(parts).await.expect("an empty store opens");
        let script = Arc::new(script);
        let engine = Engine::new(Arc::new(accounts), script.clone(), clock, seed);
        let mut names: Vec<_> = models
            .iter()
            .flat_map(|model| &model.targets)
            .map(|target| Arc::clone(&target.target.connection))
            .collect();
        names.sort();
        names.dedup();
        let connections = names.into_iter().map(|name| DeclaredConnection {
            name,
            provider: "scripted",
            limits: Limits::default(),
            checks: None,
            owner: None,
            fingerprint: 0,
        });
        engine.set_routing(Routing {
            connections: connections.collect(),
            models,
        });
        Self {
            engine: Arc::new(engine),
            script,
        }
    }

    /// Has a call to a model served for a caller who may use everything.
    pub async fn serve(&self, call: &Call, trail: &mut Trail) -> Result<Served, Failure> {
        let wishes = Wishes::default();
        self.serve_for(&caller("app", &["*"]), call, &wishes, trail)
            .await
    }

    /// Has a call served for a caller.
    pub async fn serve_for(
        &self,
        caller: &Caller,
        call: &Call,
        wishes: &Wishes,
        trail: &mut Trail,
    ) -> Result<Served, Failure> {
        let route = chat::route(&self.engine, caller, call)?;
        let plan = Plan {
            caller,
            call,
            wishes,
            request_id: "req_1",
            route,
            hold: None,
        };
        chat::serve(&self.engine, plan, trail).await
    }
}

/// A model with one target at each of these connections, in this order of priority.
pub fn model(name: &str, connections: &[&str], rules: Rules) -> DeclaredModel {
    let targets = connections.iter().zip(0..);
    let targets = targets.map(|(connection, priority)| DeclaredTarget {
        target: Target {
            connection: (*connection).into(),
            model: "m".into(),
            max_output: None,
        },
        enabled: true,
        priority,
        weight: 1,
        limits: Limits::default(),
        fitness: Arc::default(),
        facts: Arc::default(),
    });
    DeclaredModel {
        name: name.into(),
        aliases: Vec::new(),
        targets: targets.collect(),
        members: Vec::new(),
        rules: Arc::new(rules),
        fallbacks: Arc::default(),
        facts: Arc::default(),
        known: Vec::new(),
        controls: Arc::default(),
        gate: None,
    }
}

/// A caller whose key has this name and may use these models, of the built-in team.
pub fn caller(name: &str, models: &[&str]) -> Caller {
    member(name, models, Tenancy::default())
}

/// The same, of a team.
pub fn member(name: &str, models: &[&str], tenancy: Tenancy) -> Caller {
    let patterns: Vec<_> = models.iter().map(ToString::to_string).collect();
    Caller::alone(Arc::new(VirtualKey {
        id: KeyId::from_stored(&format!("key_{name}")),
        name: name.into(),
        hash: KeyHash::from_bytes([0; 32]),
        prefix: "sk-".into(),
        last_four: "0000".into(),
        permissions: Permissions::ALL,
        models: ModelScope::new(patterns),
        created_at: Timestamp::from_millis(0),
        expires_at: None,
        revoked_at: None,
        error_dialect: None,
        priority: Priority::default(),
        tenancy,
        reach: tollgate_core::key::Reach::default().into(),
        controls: tollgate_core::budget::Controls::default().into(),
        declared: true,
    }))
}

/// A chat call to a model.
pub fn call(model: &str, stream: bool) -> Call {
    Call {
        format: Format::OpenAi,
        operation: Operation::Chat,
        body: Bytes::from_static(b"{}"),
        model: model.into(),
        stream,
        wants_usage: false,
        max_tokens: None,
        choices: 1,
        marks: Marks::default(),
        carried: Vec::new(),
        query: None,
        array: false,
        sealed: false,
    }
}
