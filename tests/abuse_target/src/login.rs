//! Two users, an area for one of them, and Basic authentication.

use std::sync::OnceLock;

use hipflask::http::WwwAuthenticate;
use hipflask::prelude::*;
use hipflask_auth::prelude::*;
use hipflask_sql::Sql;
use serde_json::{Value, json};

use crate::input::argument;
use crate::output::safe;

#[derive(Clone, serde::Serialize)]
struct User {
    name: &'static str,
    password: &'static str,
    is_admin: bool,
}

const USERS: [User; 2] = [
    User { name: "alice", password: "correct horse battery staple", is_admin: false },
    User { name: "admin", password: "s3cret-admin-pass", is_admin: true },
];

/// The hashes of the users' passwords, in their order.
static HASHES: OnceLock<Vec<String>> = OnceLock::new();

impl UserMixin for User {
    fn get_id(&self) -> String {
        self.name.to_owned()
    }
}

async fn load_user(id: UserId) -> Result<Option<User>> {
    Ok(USERS.into_iter().find(|user| user.name == id.as_str()))
}

async fn hash_passwords() -> Result<()> {
    let mut hashes = Vec::new();
    for user in &USERS {
        hashes.push(generate_password_hash(user.password).await?);
    }
    HASHES.get_or_init(|| hashes);
    Ok(())
}

#[get("/login")]
async fn login_form(ctx: &mut Context) -> Template {
    render_template!("login.html", n = argument(ctx, "next"))
}

#[post("/login")]
async fn login(ctx: &mut Context) -> Result<Reply> {
    let form = ctx.form().await?;
    let sent = |name| form.get(name).unwrap_or_default().to_owned();
    let (name, password, next) = (sent("username"), sent("password"), sent("next"));
    let index = USERS.iter().position(|user| user.name == name);
    let hash = index.and_then(|index| HASHES.get()?.get(index)).map(String::as_str);
    let is_right = check_password_hash(hash, &password).await.is_valid();
    match index.filter(|_| is_right) {
        Some(index) => {
            login_user(ctx.session(), &USERS[index]);
            Ok(redirect(safe(&next)).into_reply())
        }
        None => Ok((Status::UNAUTHORIZED, "bad credentials").into_reply()),
    }
}

#[post("/logout")]
async fn logout(session: Session) -> &'static str {
    logout_user(&session);
    "bye"
}

#[get("/me")]
async fn me(user: Login<User>) -> Json<Value> {
    Json(json!({ "uid": user.name, "role": if user.is_admin { "admin" } else { "user" } }))
}

#[get("/admin")]
async fn admin(user: CurrentUser<User>) -> Result<&'static str> {
    match user.as_ref() {
        Some(user) if user.is_admin => Ok("ADMIN-AREA"),
        _ => abort!(403),
    }
}

#[get("/admin/<path:p>")]
async fn admin_path(p: String, user: CurrentUser<User>) -> Result<&'static str> {
    let _ = p;
    match user.as_ref() {
        Some(user) if user.is_admin => Ok("ADMIN-AREA"),
        _ => abort!(403),
    }
}

#[get("/basic")]
async fn basic(ctx: &mut Context) -> Result<Reply> {
    let authorization = ctx.request().authorization();
    if authorization.is_some_and(|sent| sent.password() == Some("open sesame")) {
        return Ok("BASIC-OK".into_reply());
    }
    let mut response = Response::new("auth").with_status(401);
    response.set_www_authenticate(&WwwAuthenticate::basic("x"))?;
    Ok(response.into_reply())
}

pub fn add(app: App) -> App {
    app.extend(Sql::from_config())
        .extend(LoginManager::new(load_user).login_view("login_form"))
        .on_startup(hash_passwords)
        .routes(routes![login_form, login, logout, me, admin, admin_path, basic])
}
