use hipflask::prelude::*;

struct Database;

#[get("/posts")]
async fn posts(_db: Database) -> &'static str {
    "posts"
}

#[get("/tags")]
fn tags(_db: Database) -> &'static str {
    "tags"
}

fn main() {}
