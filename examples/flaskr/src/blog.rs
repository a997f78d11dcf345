//! Posts and their comments.

use hipflask::Frozen;
use hipflask::http::Upload;
use hipflask::prelude::*;
use hipflask_auth::prelude::*;
use hipflask_sql::prelude::*;

use crate::auth::Author;
use crate::pictures;

/// A post with its author's name.
#[derive(serde::Serialize, FromRow)]
pub struct Post {
    pub id: i64,
    pub author_id: i64,
    pub username: String,
    pub created: DateTime,
    pub title: String,
    pub body: String,
    pub picture: Option<String>,
}

#[derive(serde::Serialize, FromRow)]
struct Comment {
    username: String,
    created: DateTime,
    body: String,
}

/// How many posts a page has.
pub const PER_PAGE: u64 = 5;

pub const ALL_POSTS: &str =
    "SELECT post.*, username FROM post JOIN author ON author.id = author_id ORDER BY post.created DESC, post.id DESC";

pub async fn find(mut db: impl Queries, id: i64) -> Result<Post> {
    let post =
        db.query("SELECT post.*, username FROM post JOIN author ON author.id = author_id WHERE post.id = ?").bind(id);
    post.optional().await?.or_404()
}

pub async fn add_post(
    mut db: impl Queries,
    author_id: i64,
    title: &str,
    body: &str,
    picture: Option<String>,
) -> Result<i64> {
    let post = db.query("INSERT INTO post (author_id, title, body, picture) VALUES (?, ?, ?, ?)");
    Ok(post.bind(author_id).bind(title).bind(body).bind(picture).insert().await?)
}

#[derive(Form)]
struct PostForm {
    #[field(label = "Title", length(1..=80))]
    title: String,
    #[field(label = "Body", widget = "textarea", length(1..=20_000), rows = 12)]
    body: String,
    #[field(
        label = "Picture",
        accept = "image/png,image/jpeg,image/gif,image/webp",
        description = "PNG, JPEG, GIF or WebP, up to 2 MB"
    )]
    picture: Option<Upload>,
}

#[derive(Form)]
struct CommentForm {
    #[field(label = "Your comment", widget = "textarea", length(1..=2_000), rows = 3)]
    body: String,
}

#[get("/")]
pub async fn index(db: Db, page: Query<Paging>) -> Result<Template> {
    let posts = db.query(ALL_POSTS).paginate::<Post>(&page.or_per_page(PER_PAGE)).await?;
    Ok(render_template!("blog/index.html", posts))
}

#[get("/<int:id>")]
pub async fn show(id: i64, db: Db) -> Result<Template> {
    page_of_post(&db, id, &Form::empty()).await
}

async fn page_of_post(db: &Db, id: i64, form: &Form<CommentForm>) -> Result<Template> {
    let post = find(db, id).await?;
    let comments = db.query("SELECT username, created, body FROM comment JOIN author ON author.id = author_id WHERE post_id = ? ORDER BY comment.id");
    let comments: Vec<Comment> = comments.bind(id).all().await?;
    Ok(render_template!("blog/show.html", post, comments, form))
}

#[post("/<int:id>/comment")]
async fn comment(id: i64, form: Form<CommentForm>, author: Login<Author>, db: Db, session: Session) -> Result<Reply> {
    let Some(comment) = form.valid() else {
        return Ok(page_of_post(&db, id, &form).await?.into_reply());
    };
    find(&db, id).await?;
    add_comment(&db, id, author.id, &comment.body).await?;
    session.flash("Your comment has been added.");
    Ok(redirect(url_for!(show, id).anchor("comments")).into_reply())
}

pub async fn add_comment(mut db: impl Queries, post_id: i64, author_id: i64, body: &str) -> Result<i64> {
    let comment = db.query("INSERT INTO comment (post_id, author_id, body) VALUES (?, ?, ?)");
    Ok(comment.bind(post_id).bind(author_id).bind(body).insert().await?)
}

#[route("/create", methods = [GET, POST])]
async fn create(
    mut form: Form<PostForm>,
    author: Login<Author>,
    db: Db,
    app: Frozen,
    session: Session,
) -> Result<Reply> {
    if let Some(PostForm { title, body, picture }) = form.valid() {
        match pictures::save(&app, picture.as_ref()).await? {
            Err(reason) => form.add_error(PostForm::PICTURE, reason),
            Ok(picture) => {
                let id = add_post(&db, author.id, title, body, picture).await?;
                session.flash("Your post is published.");
                return Ok(redirect(url_for!(show, id)).into_reply());
            }
        }
    }
    Ok(render_template!("blog/edit.html", form, heading = "New post").into_reply())
}

/// A post that `author` may change: only its own author may.
async fn own_post(db: &Db, id: i64, author: &Author) -> Result<Post> {
    let post = find(db, id).await?;
    if post.author_id != author.id {
        abort!(403, "This post is by {}; only its author may change it.", post.username);
    }
    Ok(post)
}

#[route("/<int:id>/update", methods = [GET, POST])]
async fn update(
    id: i64,
    form: Form<PostForm>,
    author: Login<Author>,
    db: Db,
    app: Frozen,
    session: Session,
) -> Result<Reply> {
    let post = own_post(&db, id, &author).await?;
    let mut form = form.prefill(PostForm::TITLE, &post.title).prefill(PostForm::BODY, &post.body);
    if let Some(PostForm { title, body, picture }) = form.valid() {
        match pictures::save(&app, picture.as_ref()).await? {
            Err(reason) => form.add_error(PostForm::PICTURE, reason),
            Ok(picture) => {
                if picture.is_some() {
                    pictures::remove(&app, post.picture.as_deref()).await;
                }
                let changed = db.query("UPDATE post SET title = ?, body = ?, picture = ? WHERE id = ?");
                changed.bind(title).bind(body).bind(picture.or(post.picture)).bind(id).execute().await?;
                session.flash("Saved.");
                return Ok(redirect(url_for!(show, id)).into_reply());
            }
        }
    }
    Ok(render_template!("blog/edit.html", form, post, heading = "Edit post").into_reply())
}

#[post("/<int:id>/delete")]
async fn delete(id: i64, author: Login<Author>, db: Db, app: Frozen, session: Session) -> Result<Reply> {
    let post = own_post(&db, id, &author).await?;
    db.query("DELETE FROM post WHERE id = ?").bind(id).execute().await?;
    pictures::remove(&app, post.picture.as_deref()).await;
    session.flash(format!("“{}” is deleted.", post.title));
    Ok(redirect(url_for!(index)).into_reply())
}

pub fn blueprint() -> Blueprint {
    Blueprint::new("blog").routes(routes![index, show, comment, create, update, delete])
}
