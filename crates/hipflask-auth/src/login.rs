//! Who is logged in: what Flask-Login is for Flask.

use std::any::TypeId;
use std::future::{Future, ready};
use std::marker::PhantomData;
use std::ops::Deref;

use hipflask::extension::{BoxFuture, Callback, Freezing, IntoCallback, Scaffold};
use hipflask::helpers::Respond;
use hipflask::helpers::UrlFor;
use hipflask::http::Method;
use hipflask::templating::Values;
use hipflask::{App, Context, Error, Extension, FromContext, HttpError, Result, Session, redirect};
use serde::{Deserialize, Serialize};

use crate::signals::{UserLoggedIn, UserLoggedOut, UserUnauthorized};

/// The keys of Flask-Login.
const USER_ID: &str = "_user_id";
const FRESH: &str = "_fresh";

/// A user who can log in. Flask-Login's `UserMixin`.
///
/// Templates see its serialized form as `current_user`: leave out a password hash with `#[serde(skip)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a user",
    label = "implement `hipflask_auth::UserMixin` for this type",
    note = "a user is `Clone + Serialize` and returns its id: `fn get_id(&self) -> String`"
)]
pub trait UserMixin: Clone + Serialize + Send + Sync + 'static {
    /// The id that the session keeps and the loader gets.
    fn get_id(&self) -> String;

    /// Whether the user may log in; a user who no longer may is logged out.
    fn is_active(&self) -> bool {
        true
    }
}

/// The id of the user who is logged in, as the session has it: an argument of the user loader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserId(String);

impl UserId {
    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a number or another type; `None` if it is not one, and so not the id of a user.
    pub fn parse<T: std::str::FromStr>(&self) -> Option<T> {
        self.0.parse().ok()
    }
}

impl FromContext for UserId {
    const READY: bool = true;

    fn from_context(ctx: &mut Context) -> impl Future<Output = Result<UserId>> + Send {
        ready(id_of(ctx.session()).map(UserId).ok_or_else(|| {
            Error::msg("no user is logged in, so there is no `UserId`; it is an argument for the user loader")
        }))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(i64),
}

/// The id in a session. Flask-Login writes what `get_id` returned, which may be a number.
fn id_of(session: &Session) -> Option<String> {
    session.get(USER_ID).map(|id| match id {
        Id::Text(id) => id,
        Id::Number(id) => id.to_string(),
    })
}

/// Gives an application logins. Flask-Login's `LoginManager`.
///
/// It adds `current_user` to every template: the user's own fields, and `is_authenticated`.
pub struct LoginManager<U> {
    load: Callback<Option<U>>,
    login_view: Option<UrlFor>,
    login_message: Option<String>,
}

impl<U: UserMixin> LoginManager<U> {
    /// Logins for the users that `user_loader` finds: a function, async or not, with [`UserId`] and whatever else a view
    /// could take as arguments, `-> Result<Option<User>>`.
    #[track_caller]
    pub fn new<M>(user_loader: impl IntoCallback<Option<U>, M>) -> LoginManager<U> {
        LoginManager {
            load: user_loader.into_callback(),
            login_view: None,
            login_message: Some("Please log in to access this page.".to_owned()),
        }
    }

    /// Where visitors who are not logged in are redirected: `"auth.login"`, or `url_for!(auth::login)`. Without
    /// it, and for clients that prefer JSON, the answer is 401.
    #[must_use]
    pub fn login_view(mut self, view: impl Into<UrlFor>) -> LoginManager<U> {
        self.login_view = Some(view.into());
        self
    }

    /// The message flashed before redirecting to the login page; `None` for no message.
    #[must_use]
    pub fn login_message(mut self, message: Option<&str>) -> LoginManager<U> {
        self.login_message = message.map(str::to_owned);
        self
    }
}

/// The option of a blueprint or of one rule whose visitors have another login page than the rest, or none.
/// Flask-Login's `blueprint_login_views`.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask_auth::prelude::*;
/// # #[derive(Clone, serde::Serialize)]
/// # struct User;
/// # impl UserMixin for User {
/// #     fn get_id(&self) -> String {
/// #         "1".to_owned()
/// #     }
/// # }
/// # async fn load_user(_: UserId) -> Option<User> {
/// #     None
/// # }
///
/// #[get("/posts")]
/// async fn posts(_author: Login<User>) -> &'static str {
///     "[]"
/// }
///
/// #[get("/login")]
/// async fn login() -> &'static str {
///     "a form"
/// }
///
/// // A program cannot fill in a form: it gets a 401.
/// let api = Blueprint::new("api").url_prefix("/api").with(LoginView::none()).routes(routes![posts]);
/// let app = App::new("doc", ".").extend(LoginManager::new(load_user).login_view("login"));
/// let client = app.register_blueprint(api).routes(routes![posts, login]).test_client();
/// assert_eq!(client.get("/posts").send_blocking().header("location"), Some("/login?next=/posts"));
/// assert_eq!(client.get("/api/posts").send_blocking().status(), 401);
/// ```
#[derive(Clone, Debug)]
pub struct LoginView(Option<UrlFor>);

impl LoginView {
    /// This login page.
    pub fn new(view: impl Into<UrlFor>) -> LoginView {
        LoginView(Some(view.into()))
    }

    /// No login page: visitors who are not logged in get a 401.
    pub fn none() -> LoginView {
        LoginView(None)
    }
}

impl<U> std::fmt::Debug for LoginManager<U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginManager").field("login_view", &self.login_view).finish_non_exhaustive()
    }
}

impl<U: UserMixin> Extension for LoginManager<U> {
    fn init_app(self, mut app: App) -> App {
        app.check_callback(&self.load, "the user loader");
        let load = self.load;
        let state = Logins {
            user: TypeId::of::<U>(),
            user_name: std::any::type_name::<U>(),
            load: Box::new(move |ctx| {
                let load = load.clone();
                Box::pin(async move { load_once(ctx, &load).await })
            }),
            login_view: self.login_view,
            login_message: self.login_message,
        };
        app.insert_state(state).reads_option::<LoginView>().context_processor(current_user::<U>)
    }
}

/// What every template sees.
async fn current_user<U: UserMixin>(ctx: &mut Context) -> Result<Values> {
    // A page that reports the error shows no user and does not wait for the same error again.
    if !matches!(ctx.g().get::<Failed>(), Some(Failed(true))) {
        load_current(ctx).await?;
    }
    Ok(Values::new().with("current_user", &ShownUser::<U>::of(ctx)))
}

type LoadOnce = Box<dyn for<'a> Fn(&'a mut Context) -> BoxFuture<'a, Result<bool>> + Send + Sync>;

/// What the extension keeps in the application.
struct Logins {
    user: TypeId,
    user_name: &'static str,
    /// Finds the current user, once per request. Returns whether there is one.
    load: LoadOnce,
    login_view: Option<UrlFor>,
    login_message: Option<String>,
}

/// The user of this request, in `g`, and the id that they were found by: `None` if no user is logged in.
struct Loaded<U> {
    id: Option<String>,
    user: Option<U>,
}

/// Whether the user loader has failed in this request.
struct Failed(bool);

async fn load_once<U: UserMixin>(ctx: &mut Context, load: &Callback<Option<U>>) -> Result<bool> {
    let id = id_of(ctx.session());
    // Another id means that a user has logged in or out since.
    if let Some(loaded) = ctx.g().get::<Loaded<U>>().filter(|loaded| loaded.id == id) {
        return Ok(loaded.user.is_some());
    }
    let user = match id {
        Some(_) => {
            // Set before the call: a loader may panic.
            ctx.g_mut().insert(Failed(true));
            let user = load.call(ctx).await?;
            ctx.g_mut().insert(Failed(false));
            user.filter(U::is_active)
        }
        None => None,
    };
    let found = user.is_some();
    if !found && ctx.session().contains_key(USER_ID) {
        // Nothing is kept of a user who no longer exists or may no longer log in.
        logout_user(ctx.session());
    }
    ctx.g_mut().insert(Loaded { id: id.filter(|_| found), user });
    Ok(found)
}

/// Finds the current user. Returns whether there is one.
async fn load_current(ctx: &mut Context) -> Result<bool> {
    let app = ctx.app().clone();
    match app.state::<Logins>() {
        Some(logins) => (logins.load)(ctx).await,
        None => {
            Err(Error::msg("no logins were set up; add `.extend(LoginManager::new(load_user))` to the application"))
        }
    }
}

fn current<U: UserMixin>(ctx: &mut Context) -> Option<U> {
    ctx.g().get::<Loaded<U>>().and_then(|loaded| loaded.user.clone())
}

/// The user as templates see it.
#[derive(Serialize)]
struct ShownUser<U> {
    is_authenticated: bool,
    #[serde(flatten)]
    user: Option<U>,
}

impl<U: UserMixin> ShownUser<U> {
    fn of(ctx: &mut Context) -> ShownUser<U> {
        let user = current::<U>(ctx);
        ShownUser { is_authenticated: user.is_some(), user }
    }
}

/// The user who is logged in, as an argument of a view: visitors who are not are redirected to the login page.
/// Flask-Login's `login_required` and `current_user` in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login<U>(pub U);

impl<U> Deref for Login<U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.0
    }
}

impl<U: UserMixin> FromContext for Login<U> {
    async fn from_context(ctx: &mut Context) -> Result<Login<U>> {
        if load_current(ctx).await? {
            current(ctx).map(Login).ok_or_else(|| Error::msg(wrong_user::<U>()))
        } else {
            Err(unauthorized(ctx))
        }
    }

    fn check(freezing: &Freezing<'_>) -> Result<(), String> {
        check::<U>(freezing)
    }
}

/// The user, if one is logged in, as an argument of a view that is for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentUser<U>(pub Option<U>);

impl<U> Deref for CurrentUser<U> {
    type Target = Option<U>;

    fn deref(&self) -> &Option<U> {
        &self.0
    }
}

impl<U: UserMixin> FromContext for CurrentUser<U> {
    async fn from_context(ctx: &mut Context) -> Result<CurrentUser<U>> {
        load_current(ctx).await?;
        Ok(CurrentUser(current(ctx)))
    }

    fn check(freezing: &Freezing<'_>) -> Result<(), String> {
        check::<U>(freezing)
    }
}

/// What needs logins and no user of a certain type.
pub(crate) fn require_logins(freezing: &Freezing<'_>) -> Result<(), String> {
    match freezing.state::<Logins>() {
        Some(_) => Ok(()),
        None => Err("no logins were set up; add `.extend(LoginManager::new(load_user))`".to_owned()),
    }
}

fn check<U: UserMixin>(freezing: &Freezing<'_>) -> Result<(), String> {
    match freezing.state::<Logins>() {
        None => Err("it takes the user who is logged in, but no logins were set up; add `.extend(LoginManager::new(load_user))`".to_owned()),
        Some(logins) if logins.user != TypeId::of::<U>() => {
            Err(format!("it takes a `{}`, but the user loader returns a `{}`", std::any::type_name::<U>(), logins.user_name))
        }
        Some(_) => <Session as FromContext>::check(freezing),
    }
}

fn wrong_user<U>() -> String {
    let _ = PhantomData::<U>;
    format!("the user loader does not return a `{}`", std::any::type_name::<U>())
}

/// A hook that rejects anyone who is not logged in: `blueprint.before_request(login_required)`. `OPTIONS` is
/// answered without a login, as in Flask-Login: a browser sends it to another site before it sends the cookie.
///
/// # Errors
///
/// A redirect to the login page, or a 401.
pub async fn login_required(ctx: &mut Context) -> Result<()> {
    if ctx.request().method() == Method::OPTIONS {
        return Ok(());
    }
    if load_current(ctx).await? { Ok(()) } else { Err(unauthorized(ctx)) }
}

/// Redirects a browser to the login page, with the way back; every other client, and a WebSocket, gets 401.
fn unauthorized(ctx: &mut Context) -> Error {
    ctx.send(|| UserUnauthorized);
    let app = ctx.app().clone();
    let logins = app.state::<Logins>();
    let view = match ctx.option::<LoginView>() {
        Some(LoginView(view)) => view.clone(),
        None => logins.and_then(|logins| logins.login_view.clone()),
    };
    // Neither a program nor a WebSocket can fill in a form.
    let is_page = !ctx.request().is_websocket() && !ctx.request().accept().prefers_json();
    let Some(view) = view.filter(|_| is_page) else { return HttpError::new(401).into() };
    if let Some(message) = logins.and_then(|logins| logins.login_message.as_deref()) {
        ctx.session().flash(message);
    }
    // You can return to a page that was requested by its address, but not to a submitted form.
    let view = if ctx.request().method().is_safe() { view.query("next", address(ctx.request())) } else { view };
    redirect(view).into_reply().into()
}

/// Path and query of a request, as the browser sent them.
fn address(request: &hipflask::http::Request) -> &str {
    request.uri().path_and_query().map_or("/", |address| address.as_str())
}

/// Logs `user` in: from now on the session is theirs. Its previous content is removed, so that nothing an attacker
/// may have planted there stays; flashed messages and the session's lifetime are kept. Returns false for a user
/// who is not active, who is not logged in.
pub fn login_user<U: UserMixin>(session: &Session, user: &U) -> bool {
    if !user.is_active() {
        return false;
    }
    let permanent = session.is_permanent();
    session.renew();
    if permanent {
        session.set_permanent(true);
    }
    session.set(USER_ID, user.get_id());
    session.set(FRESH, true);
    session.send(|| UserLoggedIn::new(user.get_id()));
    true
}

/// Logs out the current user, and empties the session; flashed messages are kept.
pub fn logout_user(session: &Session) {
    let id = id_of(session);
    session.renew();
    if let Some(id) = id {
        session.send(|| UserLoggedOut::new(id));
    }
}
