//! Rows one by one, for a result that is too large to be held whole.

use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use crate::error::SqlError;
use crate::query::Target;
use crate::row::{FromRow, Row};
use crate::statement::Statement;

/// The rows of a statement, read as they are asked for; made by [`Query::stream`](crate::Query::stream).
///
/// The statement runs with the first [`next`](Rows::next). The database waits until it is asked for more, so what is held is
/// a few rows, however many there are. Until the end, or until it is dropped, it has a connection of its own, or that
/// of its transaction.
///
/// It may be dropped before its end. A server that would go on sending is stopped by closing the connection; inside
/// a transaction the next statement waits until the rest has gone by.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask_sql::prelude::*;
/// use hipflask::http::Body;
///
/// #[get("/posts.csv")]
/// async fn export(db: Db) -> Body {
///     Body::stream(async move |mut out| {
///         let mut posts = db.query("SELECT id, title FROM post ORDER BY id").stream::<(i64, String)>();
///         while let Some((id, title)) = posts.next().await? {
///             out.send(format!("{id},\"{}\"\n", title.replace('"', "\"\""))).await?;
///         }
///         Ok(())
///     })
/// }
/// # hipflask::block_on(async {
/// # let app = App::new("doc", ".").config("DATABASE_URL", "sqlite:").extend(Sql::from_config()).routes(routes![export]);
/// # let client = app.test_client();
/// # let db = Db::of(client.app())?;
/// # db.query("CREATE TABLE post (id INTEGER PRIMARY KEY, title TEXT)").execute().await?;
/// # db.query("INSERT INTO post (title) VALUES ('A'), ('B \"2\"')").execute().await?;
/// # assert_eq!(client.get("/posts.csv").send().await.text(), "1,\"A\"\n2,\"B \"\"2\"\"\"\n");
/// # Ok::<(), Error>(())
/// # }).unwrap();
/// ```
#[must_use = "no row is read before `next` asks for it"]
pub struct Rows<'a, T> {
    /// Reads, and stops whenever it has put a row into the slot. Gone when it has ended, and the connection with it.
    reader: Option<Reader<'a>>,
    slot: Arc<Slot>,
    read_as: PhantomData<fn() -> T>,
}

type Reader<'a> = Pin<Box<dyn Future<Output = Result<(), SqlError>> + Send + 'a>>;

impl<'a, T: FromRow> Rows<'a, T> {
    pub(crate) fn new(target: Target<'a>, statement: Statement) -> Rows<'a, T> {
        let slot = Arc::<Slot>::default();
        let filled = Arc::clone(&slot);
        let reader = async move { target.pour(&statement, &filled).await };
        Rows { reader: Some(Box::pin(reader)), slot, read_as: PhantomData }
    }

    /// The next row; `None` at the end. A call that is cancelled loses no row.
    ///
    /// # Errors
    ///
    /// If the database refuses the statement or cannot go on: nothing more comes then. If the row cannot be read as a
    /// `T`; the next one still can.
    pub async fn next(&mut self) -> Result<Option<T>, SqlError> {
        let row = poll_fn(|cx| {
            let Some(reader) = &mut self.reader else { return Poll::Ready(Ok(None)) };
            match reader.as_mut().poll(cx) {
                Poll::Pending => self.slot.take().map_or(Poll::Pending, |row| Poll::Ready(Ok(Some(row)))),
                Poll::Ready(ended) => {
                    self.reader = None;
                    Poll::Ready(ended.map(|()| None))
                }
            }
        });
        row.await?.as_ref().map(T::from_row).transpose()
    }
}

impl<T> std::fmt::Debug for Rows<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("ended", &self.reader.is_none()).finish()
    }
}

/// Where the reader leaves a row for [`Rows::next`]. The lock is for `Send` alone: both run in the same poll.
#[derive(Default)]
pub(crate) struct Slot(Mutex<Option<Row>>);

impl Slot {
    /// Leaves a row, and goes on when it has been taken. The reader polls again for the next one, so that nothing
    /// has to be woken.
    pub(crate) async fn put(&self, row: Row) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(row);
        poll_fn(|_| if self.is_full() { Poll::Pending } else { Poll::Ready(()) }).await;
    }

    fn is_full(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn take(&self) -> Option<Row> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
