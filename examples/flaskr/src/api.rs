//! Posts as JSON.

use hipflask::prelude::*;
use hipflask_auth::prelude::*;
use hipflask_sql::prelude::*;

use crate::auth::Author;
use crate::blog::{self, ALL_POSTS, Post};

#[derive(serde::Deserialize)]
struct NewPost {
    title: String,
    body: String,
}

#[get("/posts")]
async fn posts(db: Db, page: Query<Paging>) -> Result<Json<Page<Post>>> {
    Ok(Json(db.query(ALL_POSTS).paginate(&page).await?))
}

#[get("/posts/<int:id>")]
async fn post(id: i64, db: Db) -> Result<Json<Post>> {
    Ok(Json(blog::find(&db, id).await?))
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
    Blueprint::new("api").url_prefix("/api").routes(routes![posts, post, create])
}
