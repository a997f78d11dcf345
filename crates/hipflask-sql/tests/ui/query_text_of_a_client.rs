use hipflask_sql::prelude::*;

async fn find(db: Db, name: String) -> Result<i64, hipflask_sql::SqlError> {
    db.query(&format!("SELECT id FROM post WHERE name = '{name}'")).scalar().await
}

fn main() {}
