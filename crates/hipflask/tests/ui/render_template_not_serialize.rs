use hipflask::prelude::*;

struct Post {
    title: String,
}

#[get("/")]
async fn index() -> Template {
    let post = Post { title: "Hello".to_owned() };
    render_template!("post.html", post)
}

#[get("/list")]
async fn list() -> Template {
    render_template!("posts.html", posts = Vec::<Post>::new())
}

fn main() {}
