use hipflask::prelude::*;

struct Post {
    title: String,
}

#[get("/number")]
async fn number() -> i32 {
    42
}

#[get("/post")]
async fn post() -> Post {
    Post { title: "Hello".to_owned() }
}

#[get("/posts")]
async fn posts() -> Result<Vec<Post>> {
    Ok(Vec::new())
}

#[get("/blocking")]
fn blocking() -> Post {
    Post { title: "Hello".to_owned() }
}

#[get("/status/first")]
async fn pair() -> (u16, &'static str) {
    (404, "nothing here")
}

fn main() {}
