use tollgate_core::key::KeyHasher;
use tollgate_engine::port::{AuditQuery, ConnectionFacts, TenantStore as _};
use tollgate_store::SqlStore;

use super::*;

const OLD: [u8; 32] = [1; 32];
const NEW: [u8; 32] = [2; 32];
const NOW: Timestamp = Timestamp::from_millis(1_795_255_200_000);

struct World {
    store: SqlStore,
    folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/tollgate.db", folder.path().display());
        let store = tollgate_store::open(&url).await.unwrap();
        Self { store, folder }
    }

    async fn open(&self, current: [u8; 32], before: &[[u8; 32]]) -> Result<Secrets, SecretsError> {
        Secrets::open(&self.store, keys(current, before), NOW).await
    }

    async fn put(&self, secrets: &Secrets, name: &str, credential: &str) {
        let sealed = secrets
            .keys()
            .seal(&of_connection(name), credential.as_bytes());
        let connection = StoredConnection {
            name: name.into(),
            organization: None,
            settings: "{}".into(),
            sealed: Some(sealed.unwrap()),
            facts: ConnectionFacts::default(),
            created_at: NOW,
        };
        let change = [Change::PutConnection(Arc::new(connection))];
        self.store.change(&change, &[]).await.unwrap();
    }

    async fn credential(&self, secrets: &Secrets, name: &str) -> Vec<u8> {
        let all = self.store.connections().await.unwrap();
        let one = all.iter().find(|one| *one.name == *name).unwrap();
        let sealed = one.sealed.as_ref().unwrap();
        open_credential(&secrets.keys(), name, sealed).unwrap()
    }

    /// Everything that the store holds of secrets.
    async fn sealed(&self) -> (Option<String>, Vec<Option<Sealed>>) {
        let setting = self.store.setting(SETTING).await.unwrap();
        let all = self.store.connections().await.unwrap();
        (setting, all.into_iter().map(|one| one.sealed).collect())
    }
}

fn keys(current: [u8; 32], before: &[[u8; 32]]) -> MasterKeys {
    MasterKeys::new(&current, before, random)
}

fn hash(secrets: &Secrets) -> tollgate_core::key::KeyHash {
    secrets.hasher().hash(b"sk-tg-a")
}

#[tokio::test]
async fn keys_hash_as_before_the_secret_was_kept_and_after_the_master_key_has_changed() {
    let world = World::new().await;
    let first = world.open(OLD, &[]).await.unwrap();
    assert_eq!(hash(&first), KeyHasher::new(&OLD).hash(b"sk-tg-a"));
    world.put(&first, "one", "sk-canary-one").await;
    world.put(&first, "two", "sk-canary-two").await;
    let both = world.open(NEW, &[OLD]).await.unwrap();
    assert_eq!(hash(&both), hash(&first));
    // From then on the old key is not needed any more.
    let new = world.open(NEW, &[]).await.unwrap();
    assert_eq!(hash(&new), hash(&first));
    assert_eq!(world.credential(&new, "one").await, b"sk-canary-one");
    assert_eq!(world.credential(&new, "two").await, b"sk-canary-two");
    let (rows, _) = world
        .store
        .audit(&AuditQuery {
            limit: 10,
            ..AuditQuery::default()
        })
        .await
        .unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(&*rows[0].action, "secrets.rotate");
    assert_eq!(&*rows[0].change, "{\"sealed\":3}");
}

#[tokio::test]
async fn another_master_key_is_refused_by_name_and_changes_nothing() {
    let world = World::new().await;
    let first = world.open(OLD, &[]).await.unwrap();
    world.put(&first, "one", "sk-canary-one").await;
    let before = world.sealed().await;
    let id = keys(OLD, &[]).current_id().to_owned();
    let Err(error) = world.open(NEW, &[]).await else {
        panic!("it opens");
    };
    let message = error.to_string();
    assert!(
        message.contains(&id) && message.contains("previous_master_keys"),
        "{message}"
    );
    // While it runs, too.
    let refused = first.take(&world.store, keys(NEW, &[]), NOW).await;
    assert!(matches!(refused, Err(SecretsError::OtherKey { .. })));
    assert_eq!(first.keys().current_id(), id);
    assert_eq!(world.sealed().await, before);
}

#[tokio::test]
async fn one_secret_that_does_not_open_keeps_all_as_they_are() {
    let world = World::new().await;
    let first = world.open(OLD, &[]).await.unwrap();
    world.put(&first, "one", "sk-canary-one").await;
    // Sealed for another name.
    let sealed = first.keys().seal(&of_connection("one"), b"sk").unwrap();
    let moved = StoredConnection {
        name: "two".into(),
        organization: None,
        settings: "{}".into(),
        sealed: Some(sealed),
        facts: ConnectionFacts::default(),
        created_at: NOW,
    };
    let change = [Change::PutConnection(Arc::new(moved))];
    world.store.change(&change, &[]).await.unwrap();
    let before = world.sealed().await;
    let refused = world.open(NEW, &[OLD]).await;
    assert!(matches!(refused, Err(SecretsError::Damaged { .. })));
    assert_eq!(world.sealed().await, before);
}

#[tokio::test]
async fn no_file_of_the_store_holds_a_secret_in_clear_text() {
    let world = World::new().await;
    let secrets = world.open(OLD, &[]).await.unwrap();
    world.put(&secrets, "one", "sk-canary-one").await;
    let hashing = keys(OLD, &[]).hashing_secret();
    let answers = secrets.answers();
    let sealed = answers.seal(b"slot", b"canary").unwrap();
    assert_eq!(answers.open(b"slot", &sealed).unwrap(), b"canary");
    for file in std::fs::read_dir(world.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let holds = |secret: &[u8]| bytes.windows(secret.len()).any(|part| part == secret);
        assert!(!holds(b"canary") && !holds(&hashing) && !holds(&OLD));
    }
}
