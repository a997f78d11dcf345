use hipflask::prelude::*;

#[get("/<any(one two):word>")]
async fn spaces(word: String) -> String {
    word
}

#[get("/<int(min=1:id>")]
async fn open(id: i64) -> String {
    id.to_string()
}

fn main() {}
