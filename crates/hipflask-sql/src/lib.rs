//! SQL for Hipflask: SQLite inside the binary, PostgreSQL by URL, migrations, pagination.
//! Flask-SQLAlchemy's and Flask-Migrate's place.
//!
//! ```
//! use hipflask::prelude::*;
//! use hipflask_sql::prelude::*;
//!
//! #[derive(serde::Serialize, FromRow)]
//! struct Post { id: i64, title: String, created: DateTime }
//!
//! #[get("/<int:id>")]
//! async fn show(id: i64, db: Db) -> Result<String> {
//!     let post: Post = db.query("SELECT * FROM post WHERE id = ?").bind(id).optional().await?.or_404()?;
//!     Ok(post.title)
//! }
//!
//! # hipflask::block_on(async {
//! let app = App::new("doc", ".").config("DATABASE_URL", "sqlite:").extend(Sql::from_config()).routes(routes![show]);
//! let client = app.test_client();
//! assert_eq!(client.get("/1").send().await.status(), 500); // there is no such table
//!
//! let db = Db::of(client.app())?;
//! db.query("CREATE TABLE post (id INTEGER PRIMARY KEY, title TEXT, created TEXT DEFAULT CURRENT_TIMESTAMP)").execute().await?;
//! let id = db.query("INSERT INTO post (title) VALUES (?)").bind("Hello").insert().await?;
//! assert_eq!(client.get(&format!("/{id}")).send().await.text(), "Hello");
//! assert_eq!(client.get("/77").send().await.status(), 404);
//! # Ok::<(), Error>(())
//! # }).unwrap();
//! ```
//!
//! Placeholders are `?` for every database. A value is always bound, never written into the text: `query` takes
//! only text of the program itself.
//!
//! The driver is sqlx. What it leaves to its users is done here: a connection that was cancelled in the middle
//! of `BEGIN` never goes back to the pool inside a transaction, one whose peer has died silently gives its
//! place in the pool back, the wrong number of values is refused, and a statement that is kept prepared outlives
//! a change of its table.

mod backend;
mod connection;
mod database;
mod dialect;
mod error;
mod extension;
mod lender;
mod migrate;
mod page;
mod queries;
mod query;
mod row;
mod rows;
mod statement;
mod transaction;
mod value;

pub use crate::error::SqlError;
pub use crate::extension::{Db, Sql};
pub use crate::page::{Page, Paging};
pub use crate::queries::Queries;
pub use crate::query::Query;
pub use crate::row::{FromRow, Row};
pub use crate::rows::Rows;
pub use crate::transaction::Transaction;
pub use crate::value::{FromColumn, SqlValue};

pub use hipflask_sql_macros::FromRow;
/// The driver, for error handlers (`#[errorhandler(sqlx::Error)]`) and for what this crate does not offer.
/// It follows its own versions, not ours.
pub use sqlx;

/// What a program types: `use hipflask_sql::prelude::*`.
pub mod prelude {
    pub use hipflask::DateTime;

    pub use crate::{Db, FromRow, Page, Paging, Queries, Sql, Transaction};
}
