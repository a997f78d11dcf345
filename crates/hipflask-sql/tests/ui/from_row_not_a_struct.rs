use hipflask_sql::prelude::*;

#[derive(FromRow)]
enum Status {
    Open,
    Done,
}

#[derive(FromRow)]
struct Pair(i64, String);

async fn read(db: &Db) -> Result<Vec<Status>, hipflask_sql::SqlError> {
    db.query("SELECT status FROM task").all().await
}

fn main() {}
