//! When calls are refused, and what survives a restart.

use tollgate_core::key::KeyHasher;
use tollgate_core::time::Timestamp;

use super::*;
use crate::accounts::{Environment, Parts};
use crate::testing::{ManualClock, MemoryStore, counting_entropy};

async fn accounts(store: &Arc<MemoryStore>) -> Accounts {
    let parts = Parts {
        store: store.clone(),
        clock: Arc::new(ManualClock::new(Timestamp::from_millis(0))),
        hasher: KeyHasher::new(&[1; 32]),
        environment: Environment::Live,
        entropy: counting_entropy,
    };
    Accounts::open(parts).await.unwrap()
}

fn on() -> Switch {
    Switch {
        enabled: true,
        message: Some("We move house.\nBack at ten.".into()),
        retry_after: Some(Duration::from_secs(90)),
    }
}

#[tokio::test]
async fn calls_are_refused_with_the_operators_words_while_it_is_on() {
    let accounts = accounts(&Arc::default()).await;
    let maintenance = Maintenance::default();
    assert!(maintenance.check().is_ok() && !maintenance.is_on());
    maintenance
        .set(&accounts, &Manager::admin(), on())
        .await
        .unwrap();
    let failure = maintenance.check().unwrap_err();
    assert_eq!(failure.code, Code::Maintenance);
    assert_eq!(failure.message.as_deref(), on().message.as_deref());
    assert_eq!(failure.retry_after, Some(Duration::from_secs(90)));
    maintenance
        .set(&accounts, &Manager::admin(), Switch::default())
        .await
        .unwrap();
    assert!(maintenance.check().is_ok());
}

#[tokio::test]
async fn the_configuration_switches_it_on_whatever_operators_say() {
    let accounts = accounts(&Arc::default()).await;
    let maintenance = Maintenance::default();
    maintenance.set_declared(true);
    let off = Switch {
        enabled: false,
        ..on()
    };
    maintenance
        .set(&accounts, &Manager::admin(), off)
        .await
        .unwrap();
    let failure = maintenance.check().unwrap_err();
    assert_eq!((&failure.message, failure.retry_after), (&None, None));
    maintenance
        .set(&accounts, &Manager::admin(), on())
        .await
        .unwrap();
    assert!(maintenance.check().unwrap_err().message.is_some());
    maintenance.set_declared(false);
    assert!(maintenance.is_on());
    assert_eq!(maintenance.read().switch, on());
}

#[tokio::test]
async fn what_an_operator_said_survives_a_restart() {
    let store = Arc::default();
    let accounts = accounts(&store).await;
    for switch in [
        on(),
        Switch {
            enabled: true,
            ..Switch::default()
        },
        Switch {
            enabled: false,
            ..on()
        },
        Switch::default(),
    ] {
        let maintenance = Maintenance::default();
        maintenance
            .set(&accounts, &Manager::admin(), switch.clone())
            .await
            .unwrap();
        let anew = Maintenance::default();
        let accounts = self::accounts(&store).await;
        anew.restore(&accounts).await.unwrap();
        assert_eq!(anew.read().switch, switch);
    }
}

#[tokio::test]
async fn what_the_store_refuses_changes_nothing() {
    let store: Arc<MemoryStore> = Arc::default();
    let accounts = accounts(&store).await;
    let maintenance = Maintenance::default();
    store.set_broken(true);
    let failure = maintenance
        .set(&accounts, &Manager::admin(), on())
        .await
        .unwrap_err();
    assert_eq!(failure.code, Code::DatabaseError);
    assert!(!maintenance.is_on());
    assert!(maintenance.restore(&accounts).await.is_err());
}

#[tokio::test]
async fn a_damaged_setting_is_told_and_not_taken_for_off() {
    let store: Arc<MemoryStore> = Arc::default();
    let accounts = accounts(&store).await;
    for damaged in ["", "on", "on\n", "maybe\n\n", "on\nsoon\n"] {
        accounts.set_setting(SETTING, damaged, &[]).await.unwrap();
        let maintenance = Maintenance::default();
        assert!(maintenance.restore(&accounts).await.is_err(), "{damaged:?}");
    }
}
