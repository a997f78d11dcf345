use hipflask::prelude::*;

#[derive(Form)]
struct NewPost {
    title: String,
}

#[post("/create")]
async fn create(form: NewPost) -> String {
    form.title
}

fn main() {}
