use hipflask_sql::prelude::*;

async fn mark(transaction: &mut Transaction) -> Result<(), hipflask_sql::SqlError> {
    let mut posts = transaction.query("SELECT id FROM post").stream::<(i64,)>();
    while let Some((id,)) = posts.next().await? {
        transaction.query("UPDATE post SET seen = 1 WHERE id = ?").bind(id).execute().await?;
    }
    Ok(())
}

fn main() {}
