use hipflask::prelude::*;

#[get("/")]
async fn index() -> Template {
    render_template!("post.html", article)
}

fn main() {}
