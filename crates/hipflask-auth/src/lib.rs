//! Passwords and logins for Hipflask: what Flask-Login and werkzeug.security are for Flask.
//!
//! ```
//! use hipflask::prelude::*;
//! use hipflask_auth::prelude::*;
//!
//! #[derive(Clone, serde::Serialize)]
//! struct User { id: i64, name: String }
//!
//! impl UserMixin for User {
//!     fn get_id(&self) -> String {
//!         self.id.to_string()
//!     }
//! }
//!
//! async fn load_user(id: UserId) -> Result<Option<User>> {
//!     Ok((id.as_str() == "1").then(|| User { id: 1, name: "Ada".into() }))
//! }
//!
//! #[route("/login", methods = [GET, POST])]
//! async fn login(session: Session) -> Redirect {
//!     login_user(&session, &User { id: 1, name: "Ada".into() });
//!     redirect(url_for!(me))
//! }
//!
//! #[get("/me")]
//! async fn me(user: Login<User>) -> String {
//!     format!("Hello, {}!", user.name)
//! }
//! # use hipflask::helpers::Redirect;
//!
//! # hipflask::block_on(async {
//! let app = App::new("doc", ".").extend(LoginManager::new(load_user).login_view("login")).routes(routes![login, me]);
//! let client = app.test_client();
//! let response = client.get("/me?tab=1").send().await;
//! assert_eq!((response.status().as_u16(), response.header("location")), (303, Some("/login?next=/me?tab%3D1")));
//! assert_eq!(client.post("/login").follow_redirects().send().await.text(), "Hello, Ada!");
//! # });
//! ```

mod login;
mod password;

pub mod signals;

pub use crate::login::{
    CurrentUser, Login, LoginManager, LoginView, UserId, UserMixin, login_required, login_user, logout_user,
};
pub use crate::password::{
    PasswordCheck, PasswordError, PasswordMethod, check_password_hash, generate_password_hash,
    generate_password_hash_with,
};

/// The names that nearly every program uses: `use hipflask_auth::prelude::*`.
pub mod prelude {
    pub use crate::{
        CurrentUser, Login, LoginManager, LoginView, PasswordCheck, UserId, UserMixin, check_password_hash,
        generate_password_hash, login_required, login_user, logout_user,
    };
}
