//! Authors: register, log in, log out.

use hipflask::http::is_safe_redirect;
use hipflask::prelude::*;
use hipflask_auth::prelude::*;
use hipflask_sql::SqlError;
use hipflask_sql::prelude::*;

/// A user who can write posts.
#[derive(Clone, serde::Serialize, FromRow)]
pub struct Author {
    pub id: i64,
    pub username: String,
    #[serde(skip)]
    password: String,
}

impl UserMixin for Author {
    fn get_id(&self) -> String {
        self.id.to_string()
    }
}

pub async fn load_user(id: UserId, db: Db) -> Result<Option<Author>> {
    let Some(id) = id.parse::<i64>() else { return Ok(None) };
    Ok(db.query("SELECT * FROM author WHERE id = ?").bind(id).optional().await?)
}

#[derive(Form)]
struct Registration {
    #[field(label = "User name", length(2..=40), autocomplete = "username")]
    username: String,
    #[field(label = "Password", widget = "password", length(8..=200), autocomplete = "new-password", description = "8 characters or more")]
    password: String,
    #[field(label = "Password again", widget = "password", equal_to = "password", autocomplete = "new-password")]
    again: String,
}

#[derive(Form)]
struct Credentials {
    #[field(label = "User name", autocomplete = "username")]
    username: String,
    #[field(label = "Password", widget = "password", autocomplete = "current-password")]
    password: String,
}

#[derive(serde::Deserialize)]
struct Next {
    next: Option<String>,
}

#[route("/register", methods = [GET, POST])]
async fn register(mut form: Form<Registration>, db: Db, session: Session) -> Result<Reply> {
    if let Some(Registration { username, password, again: _ }) = form.valid() {
        match add_author(&db, username, password).await {
            Ok(_) => {
                session.flash("Welcome! You can log in now.");
                return Ok(redirect(url_for!(login)).into_reply());
            }
            Err(error) if error.find::<SqlError>().is_some_and(SqlError::is_unique_violation) => {
                form.add_error(Registration::USERNAME, format!("The name {username} is taken."));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(render_template!("auth/register.html", form).into_reply())
}

pub async fn add_author(mut db: impl Queries, username: &str, password: &str) -> Result<i64> {
    let hash = generate_password_hash(password).await?;
    Ok(db.query("INSERT INTO author (username, password) VALUES (?, ?)").bind(username).bind(hash).insert().await?)
}

#[route("/login", methods = [GET, POST])]
async fn login(mut form: Form<Credentials>, query: Query<Next>, db: Db, session: Session) -> Result<Reply> {
    if let Some(Credentials { username, password }) = form.valid() {
        let author: Option<Author> =
            db.query("SELECT * FROM author WHERE username = ?").bind(username).optional().await?;
        let check = check_password_hash(author.as_ref().map(|author| author.password.as_str()), password).await;
        if let Some(author) = author.filter(|_| check.is_valid()) {
            if check == PasswordCheck::ValidButOld {
                let hash = generate_password_hash(password).await?;
                db.query("UPDATE author SET password = ? WHERE id = ?").bind(hash).bind(author.id).execute().await?;
            }
            login_user(&session, &author);
            return Ok(match query.next.as_deref().filter(|next| is_safe_redirect(next)) {
                Some(next) => redirect(next),
                None => redirect(url_for!(crate::blog::index)),
            }
            .into_reply());
        }
        form.add_error(Credentials::PASSWORD, "The name or the password is wrong.");
    }
    Ok(render_template!("auth/login.html", form).into_reply())
}

#[post("/logout")]
async fn logout(session: Session) -> Result<Reply> {
    logout_user(&session);
    session.flash("You are logged out.");
    Ok(redirect(url_for!(crate::blog::index)).into_reply())
}

pub fn blueprint() -> Blueprint {
    Blueprint::new("auth").url_prefix("/auth").routes(routes![register, login, logout])
}
