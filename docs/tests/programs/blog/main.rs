//! A blog: templates, forms, sessions, a database, a login; and how it is tested.

use hipflask::prelude::*;
use hipflask_auth::prelude::*;
use hipflask_sql::prelude::*;
use serde::Serialize;

#[derive(Serialize, FromRow)]
struct Post {
    id: i64,
    author_id: i64,
    title: String,
    body: String,
    created: DateTime,
}

#[derive(Form)]
struct NewPost {
    #[field(label = "Title", length(1..=80))]
    title: String,
    #[field(label = "Body", widget = "textarea")]
    body: String,
}

#[get("/")]
async fn index(db: Db, page: Query<Paging>) -> Result<Template> {
    let posts = db.query("SELECT * FROM post ORDER BY created DESC").paginate::<Post>(&page).await?;
    Ok(render_template!("blog/index.html", posts))
}

#[get("/<int:id>")]
async fn show(id: i64, db: Db) -> Result<Template> {
    let post: Post = db.query("SELECT * FROM post WHERE id = ?").bind(id).optional().await?.or_404()?;
    Ok(render_template!("blog/show.html", post))
}

#[route("/create", methods = [GET, POST])]
async fn create(form: Form<NewPost>, user: Login<User>, db: Db, session: Session) -> Result<Reply> {
    let Some(post) = form.valid() else {
        return Ok(render_template!("blog/create.html", form).into_reply()); // values and errors kept
    };
    let id = db
        .query("INSERT INTO post (author_id, title, body) VALUES (?, ?, ?)")
        .bind(user.id)
        .bind(&post.title)
        .bind(&post.body)
        .insert()
        .await?;
    session.flash("Saved.");
    Ok(redirect(url_for!(show, id)).into_reply())
}

pub fn blueprint() -> Blueprint {
    Blueprint::new("blog").url_prefix("/blog").routes(routes![index, show, create])
}

#[derive(Clone, Serialize, FromRow)]
struct User {
    id: i64,
    name: String,
}

impl UserMixin for User {
    fn get_id(&self) -> String {
        self.id.to_string()
    }
}

async fn load_user(id: UserId, db: Db) -> Result<Option<User>> {
    Ok(db.query("SELECT * FROM user WHERE id = ?").bind(id.as_str()).optional().await?)
}

#[get("/login")]
async fn login() -> &'static str {
    "Who are you?"
}

fn app() -> App {
    App::new("blog", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/blog"))
        .config("DATABASE_URL", "sqlite:")
        .extend(Sql::from_config())
        .extend(LoginManager::new(load_user).login_view("login"))
        .routes(routes![login])
        .register_blueprint(blueprint())
}

#[hipflask::test]
async fn creating_a_post_needs_a_login() {
    let client = app().test_client();
    let response = client.get("/blog/create").send().await;
    assert_eq!(response.status(), 303);

    client.session_transaction(|session| session.set("_user_id", "1"));
    let response = client.post("/blog/create").form([("title", "A"), ("body", "B")]).follow_redirects().send().await;
    assert!(response.text().contains("Saved."));
    assert_eq!(response.templates(), ["blog/show.html"]);
}

/// The same in a test that is not async.
#[test]
fn creating_a_post_needs_a_login_in_sync() {
    let client = app().test_client();
    assert_eq!(client.get("/blog/create").send_blocking().header("location"), Some("/login?next=/blog/create"));
    client.session_transaction(|session| session.set("_user_id", "1"));
    assert_eq!(client.post("/blog/create").form([("title", "A"), ("body", "B")]).send_blocking().status(), 303);
}

#[hipflask::test]
async fn a_wrong_form_keeps_values_and_errors() {
    let client = app().test_client();
    client.session_transaction(|session| session.set("_user_id", "1"));
    let page = client.post("/blog/create").form([("title", ""), ("body", "<i>kept")]).send().await;
    assert_eq!((page.status().as_u16(), page.templates()), (200, &["blog/create.html".to_owned()][..]));
    assert!(
        page.text().contains("This field is required.") && page.text().contains("&lt;i&gt;kept"),
        "{}",
        page.text()
    );
}

#[hipflask::test]
async fn posts_are_listed_in_pages_and_shown() {
    let client = app().test_client();
    client.session_transaction(|session| session.set("_user_id", "1"));
    for title in ["One", "Two", "Three"] {
        client.post("/blog/create").form([("title", title), ("body", "Text")]).send().await;
    }
    let list = client.get("/blog/?per_page=2&page=2").send().await.text();
    assert_eq!((list.matches("<li>").count(), list.contains("3 posts")), (1, true), "{list}");
    let post = client.get("/blog/2").send().await.text();
    assert!(post.contains("<h1>Two</h1>") && post.contains("by 1, 20"), "{post}");
    assert_eq!(client.get("/blog/4").send().await.status(), 404);
}

/// `url_for!` is resolved by the running application, so it knows the prefix and the host.
#[hipflask::test]
async fn a_url_knows_the_prefix_of_its_blueprint() {
    let app = app().config("SERVER_NAME", "blog.example").freeze().expect("nothing is wrong with the blog");
    let ctx = app.context();
    assert_eq!(ctx.url_for(url_for!(show, id = 5)).expect("it is a view"), "/blog/5");
    assert_eq!(ctx.url_for(url_for!(show, id = 5).external()).expect("it is a view"), "http://blog.example/blog/5");
}

/// Everything that is missing is reported at the start, all at once.
#[test]
fn a_forgotten_database_and_login_show_at_the_start() {
    let app =
        App::new("blog", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/blog")).register_blueprint(blueprint());
    let problems = app.freeze().expect_err("nothing of what it needs is there").to_string();
    assert!(problems.contains("Sql::from_config()") && problems.contains("LoginManager"), "{problems}");
}
