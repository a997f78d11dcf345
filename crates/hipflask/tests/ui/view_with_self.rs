use hipflask::prelude::*;

struct Blog;

impl Blog {
    #[get("/")]
    async fn index(&self) -> &'static str {
        "blog"
    }
}

fn main() {}
