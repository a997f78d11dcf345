use hipflask::testing::TestClient;
use serde_json::{Value, json};

use super::*;

fn unhandled(client: &TestClient) -> u64 {
    client.app().state::<Office>().map_or(0, |office| office.unhandled.load(Relaxed))
}

#[hipflask::test]
async fn hooks_run_around_every_request() {
    let client = app().test_client();
    for (number, target) in (1..).zip(["/", "/buy/hamlet/2", "/nowhere"]) {
        let response = client.get(target).send().await;
        assert!(response.text().contains(&format!("Request {number}<")), "{}", response.text());
        assert!(response.header("server-timing").is_some_and(|value| value.starts_with("office;dur=")), "{target}");
    }
}

#[hipflask::test]
async fn a_hook_answers_in_the_views_place() {
    let response = app().config("CLOSED", true).test_client().get("/").send().await;
    assert_eq!(response.status(), 503);
    assert!(response.text().contains("The office opens again at nine."));
    assert!(response.header("server-timing").is_some(), "the hooks after the view run all the same");
}

#[hipflask::test]
async fn errors_are_answered_by_status_or_by_type() {
    let client = app().test_client();
    for (target, status, text) in [
        ("/buy/hamlet/0", 400, "For hamlet you need at least one seat."),
        ("/buy/cats/1", 404, "Nothing of that name is played here."),
        ("/nowhere", 404, "Nothing of that name is played here."),
        ("/buy/hamlet/41", 409, "There are 40 seats left."),
    ] {
        let response = client.get(target).send().await;
        assert_eq!(response.status(), status, "{target}");
        assert!(response.text().contains(text), "{target}: {}", response.text());
    }
    assert_eq!(unhandled(&client), 0, "each had its handler");
}

#[hipflask::test]
async fn what_is_not_handled_is_a_500_and_teardown_sees_it() {
    let client = app().config("DEBUG", false).config("SECRET_KEY", "0123456789abcdef0123456789abcdef").test_client();
    let response = client.get("/ledger").send().await;
    assert_eq!(response.status(), 500);
    assert!(!response.text().contains("invalid digit"), "the inside stays inside: {}", response.text());
    assert_eq!(unhandled(&client), 1);
}

#[hipflask::test]
async fn a_program_gets_json() {
    let client = app().test_client();
    let order = |show: &str, seats: u32| client.post("/api/orders").json(&json!({"show": show, "seats": seats})).send();
    let made = order("hamlet", 2).await;
    assert_eq!((made.status().as_u16(), made.json::<Value>()), (201, json!({"show": "hamlet", "left": 38})));
    for (show, seats, code, description) in [
        ("hamlet", 11, 422, "An order is for 1 to 10 seats, not for 11."),
        ("faust", 1, 409, "There are 0 seats left."),
        ("cats", 1, 404, "There is nothing at this address."),
    ] {
        let refused = order(show, seats).await;
        let error: Value = refused.json();
        assert_eq!((refused.status().as_u16(), &error["description"]), (code, &description.into()), "{show}");
        assert_eq!(error["code"], code);
    }
    let refused = client.post("/api/orders").body("two for hamlet").send().await;
    assert_eq!(refused.json::<Value>()["code"], 415);
}
