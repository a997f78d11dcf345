//! Posts as JSON.

use hipflask::prelude::*;
use hipflask_auth::prelude::*;
use hipflask_sql::prelude::*;

use crate::auth::Author;
use crate::blog::{self, ALL_POSTS, Post};
use crate::pictures;

#[derive(serde::Deserialize)]
struct NewPost {
    title: String,
    body: String,
}

/// The post with the address of its picture, where the pages have the picture's name.
fn with_address(ctx: &Context, mut post: Post) -> Result<Post> {
    if let Some(name) = &mut post.picture {
        *name = ctx.url_for(url_for!(pictures::picture, name = name.as_str()).external())?;
    }
    Ok(post)
}

#[get("/posts")]
async fn posts(ctx: &mut Context, db: Db, page: Query<Paging>) -> Result<Json<Page<Post>>> {
    let mut page: Page<Post> = db.query(ALL_POSTS).paginate(&page).await?;
    page.items = page.items.into_iter().map(|post| with_address(ctx, post)).collect::<Result<_>>()?;
    Ok(Json(page))
}

#[get("/posts/<int:id>")]
async fn post(ctx: &mut Context, id: i64, db: Db) -> Result<Json<Post>> {
    let post = blog::find(&db, id).await?;
    Ok(Json(with_address(ctx, post)?))
}

#[post("/posts")]
async fn create(ctx: &mut Context, new: Json<NewPost>, author: Login<Author>, db: Db) -> Result<Reply> {
    let (title, body) = (new.title.trim(), new.body.trim());
    if title.is_empty() || title.chars().count() > 80 || body.is_empty() {
        abort!(422, "A post has a title of 1 to 80 characters, and a body.");
    }
    let id = blog::add_post(&db, author.id, title, body, None).await?;
    let location = ctx.url_for(url_for!(post, id))?;
    Ok((Status::CREATED, [("location", location)], Json(blog::find(&db, id).await?)).into_reply())
}

pub fn blueprint() -> Blueprint {
    Blueprint::new("api").url_prefix("/api").with(LoginView::none()).routes(routes![posts, post, create])
}
