//! What happens to logins, told to whoever wants to know. Flask-Login's signals, by their names.
//!
//! ```
//! use hipflask::prelude::*;
//! use hipflask_auth::prelude::*;
//! use hipflask_auth::signals::{UserLoggedIn, UserUnauthorized};
//! # #[derive(Clone, serde::Serialize)]
//! # struct User;
//! # impl UserMixin for User {
//! #     fn get_id(&self) -> String {
//! #         "1".to_owned()
//! #     }
//! # }
//! # async fn load_user(_: UserId) -> Option<User> {
//! #     None
//! # }
//!
//! let app = App::new("doc", ".")
//!     .extend(LoginManager::new(load_user))
//!     .connect(|ctx, sent: &UserLoggedIn| println!("{} from {:?}", sent.id(), ctx.request().remote_addr()))
//!     .connect(|ctx, _: &UserUnauthorized| println!("refused: {}", ctx.request().path()));
//! # app.freeze().unwrap();
//! ```

use hipflask::extension::Freezing;
use hipflask::signals::Signal;

use crate::login::require_logins;

macro_rules! of_a_user {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            id: String,
        }

        impl $name {
            pub(crate) fn new(id: String) -> $name {
                $name { id }
            }

            /// The user's id, as [`UserMixin::get_id`](crate::UserMixin::get_id) gives it.
            pub fn id(&self) -> &str {
                &self.id
            }
        }

        impl Signal for $name {
            fn check(freezing: &Freezing<'_>) -> Result<(), String> {
                require_logins(freezing)
            }
        })*
    };
}

of_a_user! {
    /// A user was logged in by [`login_user`](crate::login_user). Flask-Login's `user_logged_in`.
    UserLoggedIn;
    /// A user was logged out by [`logout_user`](crate::logout_user), or because the user loader no longer finds them.
    /// Flask-Login's `user_logged_out`.
    UserLoggedOut;
}

/// A visitor who is not logged in was refused: redirected to the login page, or answered with 401. Flask-Login's
/// `user_unauthorized`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct UserUnauthorized;

impl Signal for UserUnauthorized {
    fn check(freezing: &Freezing<'_>) -> Result<(), String> {
        require_logins(freezing)
    }
}
