//! Class-based views: which function answers, which instance it has, what is wrapped around it.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use hipflask::extension::{Answer, Handler, State, before};
use hipflask::http::Method;
use hipflask::prelude::*;
use hipflask::{FromContext, Rule};

struct Posts {
    table: &'static str,
    calls: AtomicU32,
}

impl Posts {
    fn new(table: &'static str) -> Posts {
        Posts { table, calls: AtomicU32::new(0) }
    }
}

#[route("/posts/<int:id>", wrap = named("a"), wrap = named("b"))]
impl Posts {
    async fn get(&self, id: i64) -> String {
        format!("get {id}, call {}", self.count())
    }

    /// A plain function runs on a thread that may wait, with the instance at hand.
    fn post(&self, ctx: &mut Context, id: i64) -> (Status, String) {
        (Status::CREATED, format!("post {id} {} {}", self.table, ctx.request().path()))
    }

    async fn delete(&self, _id: i64, config: Config) -> Result<Status> {
        if config.get("READ_ONLY")? {
            abort!(403);
        }
        Ok(Status::NO_CONTENT)
    }

    /// A function of another name answers nothing.
    fn count(&self) -> u32 {
        self.calls.fetch_add(1, Relaxed) + 1
    }
}

/// Notes its name in a header, inside of what is noted later.
fn named(name: &'static str) -> impl FnOnce(Arc<dyn Handler>) -> Named {
    move |view| Named { name, view }
}

struct Named {
    name: &'static str,
    view: Arc<dyn Handler>,
}

impl Handler for Named {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        Answer::Later(Box::pin(async {
            let Some(mut response) = self.view.call(ctx).await? else { return Ok(None) };
            response.headers_mut().append("x-wrapped", self.name.parse()?);
            Ok(Some(response))
        }))
    }
}

/// Each request has an instance of its own, which is made of what the request needs.
struct Account {
    name: String,
}

static MADE: AtomicU32 = AtomicU32::new(0);

impl FromContext for Account {
    async fn from_context(ctx: &mut Context) -> Result<Account> {
        MADE.fetch_add(1, Relaxed);
        let name = ctx.request().header("x-user").map(str::to_owned).ok_or_else(|| HttpError::new(401))?;
        Ok(Account { name })
    }
}

#[route("/account")]
impl Account {
    async fn get(self) -> String {
        self.name
    }

    fn put(mut self, ctx: &mut Context) -> String {
        self.name.push('!');
        format!("{} {}", self.name, ctx.request().method())
    }
}

struct WithHead;

#[route("/head")]
impl WithHead {
    async fn get(&self) -> &'static str {
        "get"
    }

    async fn head(&self) -> Status {
        Status::NO_CONTENT
    }

    async fn options(&self) -> &'static str {
        "mine"
    }
}

/// Flask's `View`.
struct Echo;

#[route("/echo", methods = [GET, POST])]
impl Echo {
    async fn dispatch_request(&self, method: Method) -> String {
        method.to_string()
    }
}

/// Flask's own example: one class for a list and for what is in it.
struct Users;

#[route("/users/", defaults(id = 0), methods = [GET])]
#[route("/users/", methods = [POST])]
#[route("/users/<int:id>", methods = [GET])]
impl Users {
    async fn get(&self, id: u32) -> String {
        if id == 0 { "all".to_owned() } else { format!("user {id}") }
    }

    async fn post(&self) -> &'static str {
        "made"
    }
}

/// A class with a parameter, one kind of thing each.
struct Items<T>(PhantomData<T>);

trait Kind: Send + Sync + 'static {
    const NAME: &'static str;
}

struct Book;
impl Kind for Book {
    const NAME: &'static str = "book";
}

struct Film;
impl Kind for Film {
    const NAME: &'static str = "film";
}

#[route("/", defaults(n = 0))]
#[route("/<int:n>")]
impl<T: Kind> Items<T> {
    async fn get(&self, n: u32) -> String {
        format!("{} {n}", T::NAME)
    }
}

fn allow(response: &hipflask::testing::TestResponse) -> BTreeSet<&str> {
    response.header("allow").unwrap_or_default().split(", ").collect()
}

fn app() -> App {
    App::new("test", ".")
        .config("READ_ONLY", false)
        .routes(Posts::new("posts").as_view("posts"))
        .register_blueprint(Blueprint::new("old").url_prefix("/old").routes(Posts::new("archive").as_view("posts")))
        .routes(Account::as_view("account"))
        .routes(WithHead.as_view("head"))
        .routes(Echo.as_view("echo"))
        .routes(Users.as_view("users"))
}

#[hipflask::test]
async fn the_function_of_the_method_answers() {
    let client = app().test_client();
    assert_eq!(client.get("/posts/1").send().await.text(), "get 1, call 1");
    let posted = client.post("/posts/1").send().await;
    assert_eq!((posted.status().as_u16(), posted.text().as_str()), (201, "post 1 posts /posts/1"));
    assert_eq!(client.post("/old/posts/2").send().await.text(), "post 2 archive /old/posts/2");
    assert_eq!(client.delete("/posts/1").send().await.status(), 204);
    assert_eq!(client.get("/posts/x").send().await.status(), 404);
    // One instance for all requests, and each name has its own.
    assert_eq!(client.get("/posts/2").send().await.text(), "get 2, call 2");
    assert_eq!(client.get("/old/posts/2").send().await.text(), "get 2, call 1");
}

#[hipflask::test]
async fn head_is_get_and_other_methods_are_told_what_there_is() {
    let client = app().test_client();
    let head = client.head("/posts/1").send().await;
    assert_eq!((head.status().as_u16(), head.header("content-length"), head.text().len()), (200, Some("13"), 0));
    let all = BTreeSet::from(["DELETE", "GET", "HEAD", "OPTIONS", "POST"]);
    let refused = client.put("/posts/1").send().await;
    assert_eq!((refused.status().as_u16(), allow(&refused)), (405, all.clone()));
    let options = client.options("/posts/1").send().await;
    assert_eq!((options.status().as_u16(), allow(&options)), (200, all));
    // A class may have its own.
    assert_eq!(client.get("/head").send().await.text(), "get");
    assert_eq!(client.head("/head").send().await.status(), 204);
    assert_eq!(client.options("/head").send().await.text(), "mine");
    assert_eq!(allow(&client.post("/head").send().await), BTreeSet::from(["GET", "HEAD", "OPTIONS"]));
}

#[hipflask::test]
async fn dispatch_request_answers_every_method_of_the_rule() {
    let client = app().test_client();
    assert_eq!(client.get("/echo").send().await.text(), "GET");
    assert_eq!(client.post("/echo").send().await.text(), "POST");
    let refused = client.put("/echo").send().await;
    assert_eq!((refused.status().as_u16(), allow(&refused)), (405, BTreeSet::from(["GET", "HEAD", "OPTIONS", "POST"])));
}

#[hipflask::test]
async fn several_rules_divide_the_methods() {
    let client = app().test_client();
    assert_eq!(client.get("/users/").send().await.text(), "all");
    assert_eq!(client.post("/users/").send().await.text(), "made");
    assert_eq!(client.get("/users/3").send().await.text(), "user 3");
    assert_eq!(allow(&client.post("/users/3").send().await), BTreeSet::from(["GET", "HEAD", "OPTIONS"]));
    assert_eq!(allow(&client.put("/users/").send().await), BTreeSet::from(["GET", "HEAD", "OPTIONS", "POST"]));
}

#[hipflask::test]
async fn an_instance_may_be_made_for_each_request() {
    let client = app().test_client();
    let made = MADE.load(Relaxed);
    assert_eq!(client.get("/account").header("x-user", "Ada").send().await.text(), "Ada");
    assert_eq!(client.put("/account").header("x-user", "Eve").send().await.text(), "Eve! PUT");
    assert_eq!(client.get("/account").send().await.status(), 401);
    assert_eq!(MADE.load(Relaxed) - made, 3);
}

#[hipflask::test]
async fn what_is_wrapped_around_the_class_is_around_each_of_its_functions() {
    let client = app().test_client();
    let wrapped = |response: &hipflask::testing::TestResponse| {
        response
            .headers()
            .get_all("x-wrapped")
            .iter()
            .map(|value| value.to_str().unwrap_or("?").to_owned())
            .collect::<Vec<_>>()
    };
    for response in [client.get("/posts/1").send().await, client.delete("/posts/1").send().await] {
        assert_eq!(wrapped(&response), ["a", "b"], "the last one is outermost");
    }
}

#[test]
fn urls_are_built_by_the_name_that_as_view_was_given() {
    let app = app().config("SERVER_NAME", "example.org").freeze().expect("in order");
    let ctx = app.context();
    let url = |url: hipflask::helpers::UrlFor| ctx.url_for(url.relative()).expect("there is such a view");
    assert_eq!(url(url_for!("posts", id = 5)), "/posts/5");
    assert_eq!(url(url_for!("old.posts", id = 5)), "/old/posts/5");
    assert_eq!(url(url_for!("users")), "/users/");
    assert_eq!(url(url_for!("users", id = 3)), "/users/3");
}

#[test]
fn one_class_serves_many_kinds() {
    let kind = |name: &str, routes| Blueprint::new(name).url_prefix(format!("/{name}")).routes(routes);
    let client = App::new("test", ".")
        .register_blueprint(kind("books", Items(PhantomData::<Book>).as_view("items")))
        .register_blueprint(kind("films", Items(PhantomData::<Film>).as_view("items")))
        .test_client();
    assert_eq!(client.get("/books/1").send_blocking().text(), "book 1");
    assert_eq!(client.get("/films/2").send_blocking().text(), "film 2");
}

struct Needy;

struct Missing;

#[route("/needy", wrap = before(nothing))]
impl Needy {
    async fn get(&self, _state: State<Missing>) -> &'static str {
        "x"
    }

    async fn post(&self) -> Template {
        render_template!("not-there.html")
    }
}

async fn nothing() {}

#[test]
fn what_the_functions_need_is_checked_at_the_start_through_what_is_wrapped_around_them() {
    let told = |app: App| app.freeze().expect_err("it needs something").to_string();
    let errors = told(App::new("test", ".").routes(Needy.as_view("needy")));
    assert!(errors.contains("the view `needy`") && errors.contains("Missing"), "{errors}");
    let errors = told(App::new("test", ".").insert_state(Missing).routes(Needy.as_view("needy")));
    assert!(errors.contains("the template `not-there.html` does not exist"), "{errors}");
    let wrong = |_: State<Missing>| {};
    let route = hipflask::extension::Route::new(Rule::new("/"), async || "x").wrap(before(wrong));
    assert!(told(App::new("test", ".").routes([route])).contains("Missing"));
}

#[test]
fn what_runs_before_a_view_may_answer_instead() {
    async fn refuse(ctx: &mut Context) -> Option<&'static str> {
        ctx.request().args().get("no").map(|_| "refused")
    }
    #[get("/", wrap = before(refuse))]
    async fn index() -> &'static str {
        "view"
    }
    let client = App::new("test", ".").routes(routes![index]).test_client();
    assert_eq!(client.get("/").send_blocking().text(), "view");
    assert_eq!(client.get("/?no").send_blocking().text(), "refused");
}
