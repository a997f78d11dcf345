use hipflask_sql::prelude::*;

struct Tags(Vec<String>);

#[derive(FromRow)]
struct Post {
    id: i64,
    tags: Tags,
    #[column(flatten)]
    author: Author,
}

struct Author;

fn main() {}
