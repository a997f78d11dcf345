use hipflask::prelude::*;

struct Blog;

impl Blog {
    #[get("/")]
    async fn index() -> &'static str {
        "blog"
    }
}

fn main() {}
