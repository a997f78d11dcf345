use serde_json::{Value, json};

use super::*;

fn said(name: &str, text: &str) -> Value {
    json!({"name": name, "text": text})
}

/// Two visitors of one application.
async fn two() -> (hipflask::testing::TestClient, hipflask::testing::TestClient) {
    let app = app().freeze().expect("it is well formed");
    let (ada, bob) = (app.test_client(), app.test_client());
    for (client, name) in [(&ada, "Ada"), (&bob, "Bob")] {
        let response = client.post("/").form([("name", name)]).follow_redirects().send().await;
        assert!(response.text().contains(name));
    }
    (ada, bob)
}

#[hipflask::test]
async fn what_one_says_everybody_hears() {
    let (ada, bob) = two().await;
    let mut hers = ada.websocket("/live").connect().await;
    assert_eq!(hers.receive_json::<Value>().await, said("Ada", "has come."));
    let mut his = bob.websocket("/live").connect().await;
    for socket in [&mut hers, &mut his] {
        assert_eq!(socket.receive_json::<Value>().await, said("Bob", "has come."));
    }
    his.send_json(&json!({"text": "<b>Hello</b>"})).await;
    for socket in [&mut hers, &mut his] {
        assert_eq!(socket.receive_json::<Value>().await, said("Bob", "<b>Hello</b>"));
    }
    his.vanish().await;
    assert_eq!(hers.receive_json::<Value>().await, said("Bob", "has left."));
}

#[hipflask::test]
async fn what_is_not_a_message_closes() {
    let (ada, _) = two().await;
    let mut socket = ada.websocket("/live").connect().await;
    socket.send("nonsense").await;
    assert_eq!(socket.closed().await.code(), CloseCode::POLICY_VIOLATION);
    let mut socket = ada.websocket("/live").connect().await;
    socket.send_json(&json!({"text": "x".repeat(2000)})).await;
    assert_eq!(socket.closed().await.code(), CloseCode::TOO_LARGE);
}

#[hipflask::test]
async fn nobody_listens_without_a_name_or_from_another_site() {
    let client = app().test_client();
    assert_eq!(client.websocket("/live").send().await.status(), 401);
    assert_eq!(client.get("/chat").send().await.header("location"), Some("/"));
    let (ada, _) = two().await;
    assert_eq!(ada.websocket("/live").header("origin", "https://evil.example").send().await.status(), 403);
}
