use hipflask_sql::prelude::*;

struct Post {
    id: i64,
}

async fn posts(db: Db) -> Result<Vec<Post>, hipflask_sql::SqlError> {
    db.query("SELECT id FROM post").all().await
}

async fn title(db: Db) -> Result<Post, hipflask_sql::SqlError> {
    db.query("SELECT title FROM post").scalar().await
}

fn main() {}
