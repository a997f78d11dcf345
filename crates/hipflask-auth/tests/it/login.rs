//! Logins, driven in memory.

use hipflask::prelude::*;
use hipflask::sessions::{MemoryStore, ServerSideSessions};
use hipflask_auth::prelude::*;

#[derive(Clone, serde::Serialize)]
struct User {
    id: u32,
    name: &'static str,
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

const USERS: [User; 2] = [User { id: 1, name: "Ada", active: true }, User { id: 2, name: "Eve", active: false }];

async fn load_user(id: UserId) -> Result<Option<User>> {
    Ok(USERS.into_iter().find(|user| id.parse() == Some(user.id)))
}

#[get("/")]
async fn index() -> Template {
    Template::from_string(
        "{% if current_user.is_authenticated %}Hello, {{ current_user.name }}{% else %}Log in{% endif %}",
    )
}

#[post("/login/<int:id>")]
async fn login(id: u32, session: Session) -> String {
    let user = USERS.into_iter().find(|user| user.id == id);
    user.is_some_and(|user| login_user(&session, &user)).to_string()
}

#[post("/logout")]
async fn logout(session: Session) -> Status {
    logout_user(&session);
    Status::NO_CONTENT
}

#[route("/account", methods = [GET, POST])]
async fn account(user: Login<User>) -> &'static str {
    user.name
}

#[get("/who")]
async fn who(user: CurrentUser<User>) -> &'static str {
    user.as_ref().map_or("nobody", |user| user.name)
}

fn app() -> App {
    App::new("test", ".")
        .extend(LoginManager::new(load_user).login_view(url_for!(index)))
        .routes(routes![index, login, logout, account, who])
}

#[hipflask::test]
async fn a_session_has_a_user() {
    let client = app().test_client();
    assert_eq!(client.get("/").send().await.text(), "Log in");
    assert_eq!(client.get("/who").send().await.text(), "nobody");
    assert_eq!(client.post("/login/1").send().await.text(), "true");
    assert_eq!(client.get("/").send().await.text(), "Hello, Ada");
    assert_eq!(client.get("/who").send().await.text(), "Ada");
    assert_eq!(client.get("/account").send().await.text(), "Ada");
    client.post("/logout").send().await;
    assert_eq!(client.get("/").send().await.text(), "Log in");
}

/// Session fixation, and a copy of a cookie that outlives the logout: neither works where sessions are on the server.
#[hipflask::test]
async fn a_login_has_an_id_of_its_own_and_a_logout_ends_it_everywhere() {
    let store = |freezing: &hipflask::extension::Freezing<'_>| {
        ServerSideSessions::new(MemoryStore::default(), freezing.config())
    };
    let app = app().session_interface(store).freeze().expect("nothing is wrong with it");
    let (victim, attacker) = (app.test_client(), app.test_client());
    attacker.session_transaction(|session| session.flash("planted"));
    let planted = attacker.cookie("session").expect("it was set");
    victim.set_cookie("session", &planted);
    victim.post("/login/1").send().await;
    assert_eq!(victim.get("/who").send().await.text(), "Ada");
    assert_eq!(victim.session(|session| session.flashed_messages().len()), 1, "messages stay");
    assert_eq!(attacker.get("/who").send().await.text(), "nobody");
    let copied = victim.cookie("session").expect("it was set");
    victim.post("/logout").send().await;
    victim.set_cookie("session", &copied);
    assert_eq!(victim.get("/who").send().await.text(), "nobody");
}

/// Flask-Login's signals. They are sent through the session, and are told with the request.
#[hipflask::test]
async fn logins_are_told() {
    use std::sync::{Arc, Mutex};

    use hipflask_auth::signals::{UserLoggedIn, UserLoggedOut, UserUnauthorized};

    let told = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let told = Arc::clone(&told);
        move |ctx: &Context, id: &str| told.lock().unwrap().push(format!("{what} {id} {}", ctx.request().path()))
    };
    let (logged_in, logged_out, refused) = (note("in"), note("out"), note("refused"));
    let app = app()
        .connect(move |ctx, sent: &UserLoggedIn| logged_in(ctx, sent.id()))
        .connect(move |ctx, sent: &UserLoggedOut| logged_out(ctx, sent.id()))
        .connect(move |ctx, _: &UserUnauthorized| refused(ctx, "-"));
    let client = app.test_client();
    client.get("/account").send().await;
    for path in ["/login/2", "/login/1", "/logout", "/logout"] {
        client.post(path).send().await;
    }
    let told = std::mem::take(&mut *told.lock().unwrap());
    assert_eq!(told, ["refused - /account", "in 1 /login/1", "out 1 /logout"]);
    let forgotten = App::new("test", ".").connect(|_, _: &UserLoggedIn| {}).freeze().unwrap_err();
    assert!(forgotten.to_string().contains("no logins were set up"), "{forgotten}");
}
