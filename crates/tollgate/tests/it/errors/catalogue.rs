//! The catalogue as documents: `/v1/errors`, `/errors` and the command.

use std::process::Command;

use tollgate_core::error::Code;

use crate::world::World;

#[tokio::test]
async fn every_code_has_its_document_and_its_page() {
    let world = World::once("").await;
    let list = world.gateway.get("/v1/errors").send().await;
    assert_eq!(list.status, 200);
    let list = list.text();
    for code in Code::ALL {
        let slug = code.slug();
        assert!(list.contains(&format!("\"{slug}\"")), "{slug}");
        let one = world
            .gateway
            .get(&format!("/v1/errors/{slug}"))
            .send()
            .await;
        assert_eq!(one.json()["code"], slug);
        let url = one.json()["doc_url"].as_str().unwrap().to_owned();
        let path = url
            .strip_prefix(&format!("http://{}", world.gateway.address))
            .unwrap();
        let page = world.gateway.get(path).send().await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(page.text().contains(slug));
    }
    let pages = world.gateway.get("/errors").send().await;
    assert!(pages.text().contains("circuit_breaker_open"));
    let unknown = world.gateway.get("/v1/errors/no_such_code").send().await;
    assert_eq!(unknown.outcome(), (404, "resource_not_found".to_owned()));
    let page = world.gateway.get("/errors/nope").send().await;
    assert_eq!(page.status, 404);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text().contains("href=\"/errors\""));
}

#[test]
fn the_command_explains_a_code() {
    let run = |arguments: &[&str]| {
        let binary = env!("CARGO_BIN_EXE_tollgate");
        Command::new(binary)
            .arg("errors")
            .args(arguments)
            .output()
            .unwrap()
    };
    let all = run(&[]);
    assert!(all.status.success());
    let all = String::from_utf8(all.stdout).unwrap();
    for code in Code::ALL {
        assert!(all.contains(code.slug()));
    }
    let one = String::from_utf8(run(&["provider_rate_limited"]).stdout).unwrap();
    assert!(
        one.contains("429") && one.contains("provider_rate_limited"),
        "{one}"
    );
    let shouted = String::from_utf8(run(&["PROVIDER_RATE_LIMITED"]).stdout).unwrap();
    assert_eq!(shouted, one);
    let wrong = run(&["provider_rate_limitd"]);
    assert!(!wrong.status.success());
    assert!(
        String::from_utf8(wrong.stderr)
            .unwrap()
            .contains("provider_rate_limited")
    );
}
