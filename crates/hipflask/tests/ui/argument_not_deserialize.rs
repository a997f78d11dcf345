use hipflask::prelude::*;

struct Search {
    q: String,
}

#[get("/search")]
async fn search(query: Query<Search>) -> String {
    query.0.q
}

#[post("/search")]
async fn search_json(search: Json<Search>) -> String {
    search.0.q
}

fn main() {}
