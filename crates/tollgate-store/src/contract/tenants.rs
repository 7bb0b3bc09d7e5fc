//! Organizations, teams, users, connections, settings and the audit log.

use std::sync::Arc;

use bytes::Bytes;
use tollgate_core::audit::AuditRow;
use tollgate_core::budget::Controls;
use tollgate_core::id::{OrgId, TeamId, UserId};
use tollgate_core::job::{BudgetMode, Terms};
use tollgate_core::offer::{AccessGroup, Offer, OfferKind, OfferStatus, TeamOffer};
use tollgate_core::tenant::{Organization, Role, Status, Team, User};
use tollgate_engine::port::{AuditQuery, Change, ConnectionFacts, Sealed, Store, StoredConnection};

use super::keys::full_controls;
use super::{Backend, TEXTS, at, audited, backends, change};

fn organization(id: &str) -> Organization {
    Organization {
        id: OrgId::from_stored(id),
        name: "ACME".into(),
        status: Status::Active,
        controls: Controls::default(),
        keeps_bodies: false,
        created_at: at(7),
        metadata: None,
        updated_at: None,
        declared: false,
    }
}

fn team(id: &str) -> Team {
    Team {
        id: TeamId::from_stored(id),
        organization: OrgId::from_stored("org_1"),
        name: "team".into(),
        status: Status::Active,
        controls: Controls::default(),
        job_terms: None,
        created_at: at(7),
        metadata: None,
        updated_at: None,
        declared: false,
    }
}

fn user(id: &str) -> User {
    User {
        id: UserId::from_stored(id),
        organization: OrgId::from_stored("org_1"),
        email: "a@example.com".into(),
        role: Role::Member,
        status: Status::Active,
        controls: Controls::default(),
        created_at: at(7),
    }
}

#[tokio::test]
async fn organizations_are_read_as_they_were_last_put() {
    for backend in backends().await {
        let store = &*backend.store;
        assert!(store.organizations().await.unwrap().is_empty());
        let full = |status, name: &str| Organization {
            name: name.into(),
            status,
            controls: full_controls(),
            keeps_bodies: true,
            metadata: Some(r#"{"a":[1]}"#.into()),
            created_at: at(-5),
            updated_at: Some(at(9)),
            ..organization("org_2")
        };
        let other = organization("org_1");
        let put = |organization: &Organization| {
            change(
                store,
                Change::PutOrganization(Arc::new(organization.clone())),
            )
        };
        put(&other).await.unwrap();
        for status in Status::ALL.iter().copied() {
            for name in TEXTS {
                let written = full(status, name);
                put(&written).await.unwrap();
                let read = store.organizations().await.unwrap();
                let expected = [other.clone(), written];
                assert_eq!(
                    format!("{read:?}"),
                    format!("{expected:?}"),
                    "{}",
                    backend.name
                );
            }
        }
    }
}

#[tokio::test]
async fn teams_are_read_as_they_were_last_put() {
    for backend in backends().await {
        let store = &*backend.store;
        assert!(store.teams().await.unwrap().is_empty());
        let full = |status, name: &str| Team {
            organization: OrgId::from_stored("org_0"),
            name: name.into(),
            status,
            controls: full_controls(),
            job_terms: Some(Box::new(Terms {
                mode: BudgetMode::ConsumptionUsd,
                credits_per_dollar: 2_500_000,
                tokens_per_credit: 7,
                default_model: Some("sim/x".into()),
            })),
            metadata: Some(r#"{"a":[1]}"#.into()),
            created_at: at(-5),
            updated_at: Some(at(9)),
            ..team("team_2")
        };
        let other = team("team_1");
        let put = |team: &Team| change(store, Change::PutTeam(Arc::new(team.clone())));
        put(&other).await.unwrap();
        for status in Status::ALL.iter().copied() {
            for name in TEXTS {
                let written = full(status, name);
                put(&written).await.unwrap();
                let read = store.teams().await.unwrap();
                let expected = [other.clone(), written];
                assert_eq!(
                    format!("{read:?}"),
                    format!("{expected:?}"),
                    "{}",
                    backend.name
                );
            }
        }
    }
}

#[tokio::test]
async fn teams_are_read_in_the_order_of_their_ids_however_many_there_are() {
    for backend in backends().await {
        let Backend { name, store, .. } = &backend;
        let mut ids: Vec<String> = (0..2048)
            .map(|number| format!("team_{:04}", number * 1013 % 2048))
            .collect();
        let organizations = ["org_1", "org_2"]
            .map(organization)
            .map(|made| Change::PutOrganization(Arc::new(made)));
        store.change(&organizations, &[]).await.unwrap();
        let changes: Vec<Change> = ids
            .iter()
            .map(|id| Change::PutTeam(Arc::new(in_turn(id))))
            .collect();
        store.change(&changes, &[]).await.unwrap();
        ids.sort();
        let teams = store.teams().await.unwrap();
        let read: Vec<&str> = teams.iter().map(|team| team.id.as_str()).collect();
        assert_eq!(read, ids, "{name}");
        for team in &teams {
            let made = in_turn(team.id.as_str());
            assert_eq!(team.organization, made.organization, "{name}");
        }
    }
}

/// A team of one organization or the other.
fn in_turn(id: &str) -> Team {
    let organization = if id.ends_with('7') { "org_2" } else { "org_1" };
    Team {
        organization: OrgId::from_stored(organization),
        ..team(id)
    }
}

#[tokio::test]
async fn users_are_read_as_they_were_last_put_until_they_are_deleted() {
    for backend in backends().await {
        let store = &*backend.store;
        assert!(store.users().await.unwrap().is_empty());
        let other = user("user_1");
        let put = |user: &User| change(store, Change::PutUser(Arc::new(user.clone())));
        put(&other).await.unwrap();
        for role in Role::ALL.iter().copied() {
            for status in Status::ALL.iter().copied() {
                let written = User {
                    organization: OrgId::from_stored("org_0"),
                    email: TEXTS[3].into(),
                    role,
                    status,
                    controls: full_controls(),
                    created_at: at(9),
                    ..user("user_2")
                };
                put(&written).await.unwrap();
                let read = store.users().await.unwrap();
                let expected = [other.clone(), written];
                assert_eq!(
                    format!("{read:?}"),
                    format!("{expected:?}"),
                    "{}",
                    backend.name
                );
            }
        }
        for id in ["user_2", "user_none"] {
            change(store, Change::DeleteUser(id.into())).await.unwrap();
        }
        let read = store.users().await.unwrap();
        assert_eq!(
            format!("{read:?}"),
            format!("{:?}", [other]),
            "{}",
            backend.name
        );
    }
}

#[tokio::test]
async fn connections_are_read_as_they_were_last_put_until_they_are_deleted() {
    for backend in backends().await {
        let store = &*backend.store;
        let plain = StoredConnection {
            name: "a".into(),
            organization: None,
            settings: r#"{"provider":"openai"}"#.into(),
            sealed: None,
            facts: ConnectionFacts::default(),
            created_at: at(1),
        };
        let full = StoredConnection {
            name: "b".into(),
            organization: Some("org_1".into()),
            settings: r#"{"provider":"ä"}"#.into(),
            sealed: Some(Sealed {
                key_id: "k1".into(),
                bytes: Bytes::from_static(&[0, 255, 7]),
            }),
            facts: ConnectionFacts {
                slot: Some("s".into()),
                label: Some("l".into()),
                made_by: Some("m".into()),
                is_off: true,
                updated_at: Some(at(3)),
            },
            created_at: at(2),
        };
        let first = StoredConnection {
            sealed: None,
            facts: ConnectionFacts::default(),
            ..full.clone()
        };
        for connection in [&plain, &first, &full] {
            let put = Change::PutConnection(Arc::new(connection.clone()));
            change(store, put).await.unwrap();
        }
        let read = store.connections().await.unwrap();
        let expected = [plain.clone(), full];
        assert_eq!(
            format!("{read:?}"),
            format!("{expected:?}"),
            "{}",
            backend.name
        );
        for name in ["b", "none"] {
            change(store, Change::DeleteConnection(name.into()))
                .await
                .unwrap();
        }
        let read = store.connections().await.unwrap();
        assert_eq!(
            format!("{read:?}"),
            format!("{:?}", [plain]),
            "{}",
            backend.name
        );
    }
}

#[tokio::test]
async fn offers_are_read_as_they_were_last_put_until_they_are_deleted() {
    for backend in backends().await {
        let store = &*backend.store;
        assert!(store.offers().await.unwrap().is_empty());
        let group = |description: &str| {
            Offer::AccessGroup(AccessGroup {
                name: TEXTS[3].into(),
                display_name: "G".into(),
                description: Some(description.into()),
                status: OfferStatus::Active,
                created_at: at(1),
                updated_at: at(2),
            })
        };
        let team = Offer::Team(TeamOffer {
            only: true,
            groups: vec!["g".into()],
            ..TeamOffer::nothing(&TeamId::from_stored("team_1"))
        });
        for offer in [&team, &group("first"), &group("last")] {
            let put = Change::PutOffer(Arc::new(offer.clone()));
            change(store, put).await.unwrap();
        }
        let read = store.offers().await.unwrap();
        assert_eq!(read, [group("last"), team.clone()], "{}", backend.name);
        for name in [TEXTS[3], "none"] {
            let kind = OfferKind::AccessGroup;
            let name = name.into();
            let delete = Change::DeleteOffer { kind, name };
            change(store, delete).await.unwrap();
        }
        assert_eq!(store.offers().await.unwrap(), [team], "{}", backend.name);
    }
}

#[tokio::test]
async fn a_team_that_was_deleted_is_gone() {
    for backend in backends().await {
        let store = &*backend.store;
        for id in ["team_1", "team_2"] {
            let put = Change::PutTeam(Arc::new(team(id)));
            change(store, put).await.unwrap();
        }
        for id in ["team_1", "team_none"] {
            change(store, Change::DeleteTeam(id.into())).await.unwrap();
        }
        let read = store.teams().await.unwrap();
        let left: Vec<_> = read.iter().map(|team| team.id.as_str()).collect();
        assert_eq!(left, ["team_2"], "{}", backend.name);
    }
}

#[tokio::test]
async fn settings_are_read_as_they_were_last_written() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        assert_eq!(store.setting("admin").await.unwrap(), None, "{name}");
        for value in TEXTS {
            let set = Change::SetSetting {
                name: "admin".into(),
                value: value.into(),
            };
            change(store, set).await.unwrap();
            let read = store.setting("admin").await.unwrap();
            assert_eq!(read.as_deref(), Some(value), "{name}");
        }
        assert_eq!(store.setting("other").await.unwrap(), None, "{name}");
    }
}

async fn found(store: &dyn Store, query: AuditQuery) -> (Vec<i64>, u64) {
    let (rows, count) = store.audit(&query).await.unwrap();
    let times = rows.iter().map(|row| row.at.as_millis()).collect();
    (times, count)
}

#[tokio::test]
async fn the_audit_log_is_found_by_what_is_asked_the_latest_first() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        let of = |organization: &str, row: AuditRow| AuditRow {
            organization: Some(organization.into()),
            ..row
        };
        let rows = [
            audited(1, "key.create", "key_1"),
            of("org_1", audited(2, "team.create", "team_1")),
            of("org_2", audited(3, "key.create", "key_2")),
            // Written later, though its clock says otherwise.
            of("org_1", audited(0, "key.revoke", "key_1")),
        ];
        store.change(&[], rows.get(..2).unwrap()).await.unwrap();
        store.change(&[], rows.get(2..).unwrap()).await.unwrap();
        let all = || AuditQuery {
            limit: 10,
            ..AuditQuery::default()
        };
        for (query, times) in [
            (all(), &[0, 3, 2, 1][..]),
            (
                AuditQuery {
                    organization: Some("org_1".into()),
                    ..all()
                },
                &[0, 2],
            ),
            (
                AuditQuery {
                    object: Some("key".into()),
                    ..all()
                },
                &[0, 3, 1],
            ),
            (
                AuditQuery {
                    object: Some("key".into()),
                    object_id: Some("key_1".into()),
                    ..all()
                },
                &[0, 1],
            ),
            (
                AuditQuery {
                    from: Some(at(1)),
                    to: Some(at(3)),
                    ..all()
                },
                &[2, 1],
            ),
            (
                AuditQuery {
                    organization: Some("org_3".into()),
                    ..all()
                },
                &[],
            ),
        ] {
            let text = format!("{name}: {query:?}");
            let count = u64::try_from(times.len()).unwrap();
            assert_eq!(found(store, query).await, (times.to_vec(), count), "{text}");
        }
    }
}

#[tokio::test]
async fn the_audit_log_is_read_in_pages() {
    for backend in backends().await {
        let (name, store) = (backend.name, &*backend.store);
        let rows = [1, 2, 3, 0].map(|ms| audited(ms, "key.create", "key_1"));
        store.change(&[], &rows).await.unwrap();
        let page = AuditQuery {
            offset: 1,
            limit: 2,
            ..AuditQuery::default()
        };
        assert_eq!(found(store, page).await, (vec![3, 2], 4), "{name}");
        let beyond = AuditQuery {
            offset: u64::MAX,
            limit: 10,
            ..AuditQuery::default()
        };
        assert_eq!(found(store, beyond).await, (vec![], 4), "{name}");
    }
}

#[tokio::test]
async fn a_row_of_the_audit_log_is_read_as_it_was_written() {
    for backend in backends().await {
        let plain = audited(1, "key.create", "key_1");
        let full = AuditRow {
            actor: "key:key_9".into(),
            organization: Some("org_1".into()),
            change: r#"{"name":{"old":"a","new":"ü"}}"#.into(),
            request_id: Some("req_1".into()),
            object_id: TEXTS[3].into(),
            ..audited(-2, "team.update", "")
        };
        let written = [plain, full];
        backend.store.change(&[], &written).await.unwrap();
        let query = AuditQuery {
            limit: 10,
            ..AuditQuery::default()
        };
        let (mut read, _) = backend.store.audit(&query).await.unwrap();
        read.reverse();
        assert_eq!(read, written, "{}", backend.name);
    }
}
