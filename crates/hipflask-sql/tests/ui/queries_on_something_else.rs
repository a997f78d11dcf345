use hipflask_sql::prelude::*;

async fn count(mut db: impl Queries) -> Result<i64, hipflask_sql::SqlError> {
    db.query("SELECT COUNT(*) FROM post").scalar().await
}

async fn view(db: Db) -> Result<i64, hipflask_sql::SqlError> {
    let transaction = db.begin().await?;
    count(&transaction).await
}

fn main() {}
