use hipflask::prelude::*;

struct NewPost {
    title: String,
}

#[post("/create")]
async fn create(_form: Form<NewPost>) -> &'static str {
    "made"
}

fn main() {}
