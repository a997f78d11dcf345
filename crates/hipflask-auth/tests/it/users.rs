//! The user: found once per request, gone when the account is gone, and never someone else.

use std::sync::atomic::{AtomicU32, Ordering};

use hipflask::Rule;
use hipflask::prelude::*;
use hipflask::testing::TestClient;
use hipflask_auth::prelude::*;

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
struct User {
    id: u32,
    name: String,
    #[serde(skip)]
    active: bool,
}

impl UserMixin for User {
    fn get_id(&self) -> String {
        self.id.to_string()
    }

    fn is_active(&self) -> bool {
        self.active
    }
}

fn user(id: u32) -> User {
    User { id, name: format!("user {id}"), active: true }
}

#[post("/login/<int:id>")]
async fn login(id: u32, session: Session) -> String {
    login_user(&session, &user(id)).to_string()
}

#[post("/logout")]
async fn logout(session: Session) -> Status {
    logout_user(&session);
    Status::NO_CONTENT
}

#[get("/me")]
async fn me(user: Login<User>) -> String {
    user.name.clone()
}

#[get("/who")]
async fn who(user: CurrentUser<User>) -> String {
    user.as_ref().map_or("nobody".to_owned(), |user| user.name.clone())
}

const PAGE: &str = "{{ current_user.name or 'nobody' }} {{ current_user.is_authenticated }} \
                    {% for message in get_flashed_messages() %}[{{ message }}]{% endfor %}";

#[get("/page")]
async fn page() -> Template {
    Template::from_string(PAGE)
}

fn app_of<M>(loader: impl hipflask::extension::IntoCallback<Option<User>, M>) -> App {
    App::new("test", ".").extend(LoginManager::new(loader)).routes(routes![login, logout, me, who, page])
}

async fn everybody(id: UserId) -> Result<Option<User>> {
    Ok(id.parse().map(user))
}

async fn logged_in(app: App) -> TestClient {
    let client = app.test_client();
    assert_eq!(client.post("/login/1").send().await.text(), "true");
    client
}

#[hipflask::test]
async fn the_session_is_another_one_after_the_login() {
    let client = app_of(everybody).test_client();
    client.session_transaction(|session| {
        session.set("planted", "by someone else");
        session.set("csrf_token", "known to someone else");
        session.flash("Hello");
        session.set_permanent(true);
    });
    let before = client.cookie("session").expect("there is a session");
    client.post("/login/1").send().await;
    assert_ne!(client.cookie("session").expect("there is a session"), before);
    client.session(|session| {
        assert_eq!(session.get::<String>("_user_id").as_deref(), Some("1"), "Flask-Login's own key");
        assert!(!session.contains_key("planted") && !session.contains_key("csrf_token"), "{:?}", session.keys());
        assert!(session.is_permanent(), "how long it lasts was said before");
    });
    assert_eq!(client.get("/page").send().await.text(), "user 1 True [Hello]");

    client.session_transaction(|session| session.set("cart", 3));
    client.post("/logout").send().await;
    client.session(|session| assert!(session.is_empty(), "{:?}", session.keys()));
    assert_eq!(client.get("/who").send().await.text(), "nobody");
}

#[hipflask::test]
async fn a_second_login_leaves_nothing_of_the_first() {
    let client = logged_in(app_of(everybody)).await;
    client.session_transaction(|session| session.set("of user 1", true));
    client.post("/login/2").send().await;
    assert_eq!(client.get("/me").send().await.text(), "user 2");
    client.session(|session| assert!(!session.contains_key("of user 1")));
}

#[hipflask::test]
async fn the_user_is_found_once_per_request_and_only_when_asked_for() {
    static LOADS: AtomicU32 = AtomicU32::new(0);
    async fn counted(id: UserId) -> Result<Option<User>> {
        LOADS.fetch_add(1, Ordering::Relaxed);
        Ok(id.parse().map(user))
    }
    async fn several(_: Login<User>, _: CurrentUser<User>) -> Template {
        Template::from_string(PAGE)
    }
    let app = app_of(counted).add_url_rule(Rule::new("/several").endpoint("several"), several);
    let client = app.add_url_rule(Rule::new("/nothing").endpoint("nothing"), async || "nothing").test_client();
    for (target, wanted) in [("/several", 0), ("/nothing", 0), ("/page", 0), ("/who", 0)] {
        client.get(target).send().await;
        assert_eq!(LOADS.swap(0, Ordering::Relaxed), wanted, "{target}, and nobody is logged in");
    }
    client.post("/login/1").send().await;
    for (target, wanted) in [("/several", 1), ("/nothing", 0), ("/page", 1), ("/who", 1), ("/me", 1)] {
        client.get(target).send().await;
        assert_eq!(LOADS.swap(0, Ordering::Relaxed), wanted, "{target}");
    }
}

/// What a template shows after a login or a logout in the same request is what is true then.
#[hipflask::test]
async fn a_login_and_a_logout_count_at_once() {
    async fn come(_: CurrentUser<User>, session: Session) -> Template {
        login_user(&session, &user(7));
        Template::from_string(PAGE)
    }
    async fn go(_: CurrentUser<User>, session: Session) -> Template {
        logout_user(&session);
        Template::from_string(PAGE)
    }
    let app = app_of(everybody).add_url_rule(Rule::new("/come").endpoint("come"), come);
    let client = app.add_url_rule(Rule::new("/go").endpoint("go"), go).test_client();
    assert_eq!(client.get("/come").send().await.text(), "user 7 True ");
    assert_eq!(client.get("/go").send().await.text(), "nobody False ");
}

#[hipflask::test]
async fn a_user_who_is_gone_or_shut_out_is_logged_out() {
    static STATE: AtomicU32 = AtomicU32::new(0);
    async fn changing(id: UserId) -> Result<Option<User>> {
        Ok(match STATE.load(Ordering::Relaxed) {
            0 => id.parse().map(user),
            1 => None,
            _ => id.parse().map(|id| User { active: false, ..user(id) }),
        })
    }
    for state in [1, 2] {
        STATE.store(0, Ordering::Relaxed);
        let client = logged_in(app_of(changing)).await;
        assert_eq!(client.get("/me").send().await.text(), "user 1");
        client.session_transaction(|session| session.flash("Saved."));
        STATE.store(state, Ordering::Relaxed);
        assert_eq!(client.get("/page").send().await.text(), "nobody False [Saved.]");
        assert_eq!(client.get("/me").send().await.status(), 401);
        client.session(|session| assert!(!session.contains_key("_user_id"), "{:?}", session.keys()));
        assert_eq!(client.get("/page").send().await.text(), "nobody False ", "a message is shown once");
        // After coming back, the user has to log in again.
        STATE.store(0, Ordering::Relaxed);
        assert_eq!(client.get("/who").send().await.text(), "nobody");
    }
}

#[hipflask::test]
async fn a_user_who_is_not_active_cannot_log_in() {
    async fn refused(session: Session) -> String {
        session.set("kept", true);
        login_user(&session, &User { active: false, ..user(1) }).to_string()
    }
    let app = app_of(everybody).add_url_rule(Rule::new("/refused").endpoint("refused").methods([POST]), refused);
    let client = app.test_client();
    assert_eq!(client.post("/refused").send().await.text(), "false");
    client.session(|session| assert_eq!(session.keys(), ["kept"]));
}

/// An error of the database does not mean that no one is logged in. Only the page that says so has to do without a user, and
/// it does not ask again.
#[hipflask::test]
async fn a_loader_that_fails_is_an_error_and_not_a_stranger() {
    static BROKEN: AtomicU32 = AtomicU32::new(0);
    static LOADS: AtomicU32 = AtomicU32::new(0);
    async fn failing(id: UserId) -> Result<Option<User>> {
        LOADS.fetch_add(1, Ordering::Relaxed);
        match BROKEN.load(Ordering::Relaxed) {
            0 => Ok(id.parse().map(user)),
            1 => Err(Error::msg("the database is away")),
            _ => panic!("the loader is broken"),
        }
    }
    async fn dressed() -> (Status, Template) {
        (Status::INTERNAL_SERVER_ERROR, Template::from_string("sorry, {{ current_user.name or 'whoever you are' }}"))
    }
    let app = app_of(failing).config("DEBUG", false).config("SECRET_KEY", "0123456789abcdefghijklmnopqrstuvwxyz");
    let client = logged_in(app.register_error_handler(500, dressed)).await;
    for broken in [1, 2] {
        BROKEN.store(broken, Ordering::Relaxed);
        for target in ["/me", "/who", "/page"] {
            LOADS.store(0, Ordering::Relaxed);
            let response = client.get(target).send().await;
            let answer = (response.status().as_u16(), response.text());
            assert_eq!(answer, (500, "sorry, whoever you are".to_owned()), "{target}");
            assert_eq!(LOADS.load(Ordering::Relaxed), 1, "{target}");
        }
        BROKEN.store(0, Ordering::Relaxed);
        assert_eq!(client.get("/me").send().await.text(), "user 1", "nobody was logged out by that");
    }
}

#[hipflask::test]
async fn a_foreign_id_is_no_user() {
    let client = app_of(everybody).test_client();
    for id in ["", "x", "-1", "1; DROP TABLE user", "99999999999999999999", "1\0"] {
        client.session_transaction(|session| session.set("_user_id", id));
        assert_eq!(client.get("/who").send().await.text(), "nobody", "{id:?}");
    }
    // A Python application whose `get_id` gives a number writes one.
    client.session_transaction(|session| session.set("_user_id", 5));
    assert_eq!(client.get("/who").send().await.text(), "user 5");
    for other in
        [serde_json::json!(null), serde_json::json!([1]), serde_json::json!({"id": 1}), serde_json::json!(true)]
    {
        client.session_transaction(|session| session.set("_user_id", &other));
        let response = client.get("/who").send().await;
        assert_eq!((response.status().as_u16(), response.text().as_str()), (200, "nobody"), "{other}");
    }
}

#[hipflask::test]
async fn a_session_that_was_tampered_with_has_no_user() {
    let client = logged_in(app_of(everybody)).await;
    let cookie = client.cookie("session").unwrap();
    for forged in [
        cookie.replacen('e', "f", 1),
        format!("{cookie}x"),
        cookie[..cookie.len() - 1].to_owned(),
        "eyJfdXNlcl9pZCI6IjEifQ".to_owned(),
    ] {
        client.set_cookie("session", &forged);
        assert_eq!(client.get("/who").send().await.text(), "nobody", "{forged}");
    }
    client.set_cookie("session", &cookie);
    assert_eq!(client.get("/who").send().await.text(), "user 1");
}

#[hipflask::test]
async fn two_applications_know_their_own_users() {
    async fn others(id: UserId) -> Result<Option<User>> {
        Ok(id.parse().map(|id: u32| User { name: format!("other {id}"), ..user(id) }))
    }
    let clients = [logged_in(app_of(everybody)).await, logged_in(app_of(others)).await];
    assert_eq!(clients[0].get("/me").send().await.text(), "user 1");
    assert_eq!(clients[1].get("/me").send().await.text(), "other 1");
    // The two have different keys, so the session of one is nothing to the other.
    clients[0].set_cookie("session", &clients[1].cookie("session").unwrap());
    assert_eq!(clients[0].get("/me").send().await.status(), 401);
}

#[hipflask::test]
async fn an_extension_twice_has_the_loader_that_was_given_last() {
    async fn last(id: UserId) -> Result<Option<User>> {
        Ok(id.parse().map(|id: u32| User { name: format!("last {id}"), ..user(id) }))
    }
    let client = logged_in(app_of(everybody).extend(LoginManager::new(last))).await;
    assert_eq!(client.get("/me").send().await.text(), "last 1");
    assert_eq!(client.get("/page").send().await.text(), "last 1 True ");
}

#[test]
fn what_is_missing_is_found_when_the_application_is_frozen() {
    let errors = App::new("test", ".").routes(routes![me]).freeze().unwrap_err().to_string();
    assert!(errors.contains("no logins were set up; add `.extend(LoginManager::new(load_user))`"), "{errors}");

    #[derive(Clone, serde::Serialize)]
    struct Robot;
    impl UserMixin for Robot {
        fn get_id(&self) -> String {
            String::new()
        }
    }
    async fn robots(_: UserId) -> Result<Option<Robot>> {
        Ok(None)
    }
    let errors = App::new("test", ".").extend(LoginManager::new(robots)).routes(routes![me]).freeze().unwrap_err();
    let errors = errors.to_string();
    assert!(errors.contains("User`, but the user loader returns a `") && errors.contains("Robot`"), "{errors}");

    let errors = app_of(everybody).config("DEBUG", false).freeze().unwrap_err().to_string();
    assert!(errors.contains("SECRET_KEY"), "{errors}");
}

#[hipflask::test]
async fn a_password_hash_that_is_skipped_is_not_part_of_a_page() {
    async fn everything() -> Template {
        Template::from_string("{{ current_user|tojson }}")
    }
    let client = logged_in(app_of(everybody).add_url_rule(Rule::new("/all").endpoint("all"), everything)).await;
    let shown: serde_json::Value = client.get("/all").send().await.json();
    assert_eq!(shown, serde_json::json!({"is_authenticated": true, "id": 1, "name": "user 1"}));
}
