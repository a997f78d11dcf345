//! Connections, and the manners that sqlx leaves open.
//!
//! A connection that was left in order goes to its next user, as `lender` says. Any other goes back to the pool by
//! a task of its own, within a time limit: sqlx asks the server whether the connection is alive first, and a server
//! that has died silently never answers; without the limit the place in the pool would be gone for good. A
//! connection that is inside a transaction, because its user was cancelled, is rolled back before anyone else
//! can have it. One whose server still sends rows that are not being read is closed. And no wait is unbounded: sqlx has no
//! time limit for an answer.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Either, SqlStr};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::backend::Backend;
use crate::error::SqlError;
use crate::lender::{Lent, Opening, RELEASE, later};
use crate::rows::Slot;
use crate::statement::{Prepared, next};

/// A connection that goes on in order.
pub(crate) struct Guarded<D: Backend> {
    lent: Option<Lent<D>>,
    opening: Arc<Opening<D>>,
    /// How long an answer is waited for.
    limit: Duration,
    /// Set before `BEGIN` is sent: a caller that is cancelled while it waits for the answer leaves a session of
    /// which it is unknown whether it is inside a transaction.
    in_transaction: bool,
    /// Whether everything that was asked has been answered, and well.
    at_rest: bool,
    /// Set while rows are read one by one, if the server would go on to send them without a reader.
    unread: bool,
    /// Set while the session is in a state that must not come back to the pool.
    spoilt: bool,
    /// Its place in the pool, and its turn to write: free for the next user when the connection has gone on.
    _permits: Permits,
}

/// A place in the pool and, where only one can write, the turn.
type Permits = (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>);

impl<D: Backend> Guarded<D> {
    pub(crate) fn new(lent: Lent<D>, opening: Arc<Opening<D>>, limit: Duration, permits: Permits) -> Self {
        let (in_transaction, at_rest, unread, spoilt) = (false, true, false, false);
        Guarded { lent: Some(lent), opening, limit, in_transaction, at_rest, unread, spoilt, _permits: permits }
    }

    /// The connection, for what this type knows nothing of.
    pub(crate) fn get(&mut self) -> &mut D::Connection {
        self.at_rest = false;
        self.lent.as_mut().expect("the connection is there until it is dropped").get()
    }

    pub(crate) fn is_in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Says whether the connection has to be closed when its user is done.
    pub(crate) fn spoil(&mut self, spoilt: bool) {
        self.spoilt = spoilt;
    }

    /// The answer to what is asked, if it comes in time. A connection that owes one is of no use.
    pub(crate) async fn ask<T>(
        &mut self,
        question: impl AsyncFnOnce(&mut D::Connection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let limit = self.limit;
        let answer = timeout(limit, question(self.get())).await;
        self.settle(answer.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))))
    }

    /// Puts the rows of a statement into `slot`, each when the last was taken, if each comes in time.
    pub(crate) async fn read(&mut self, prepared: Prepared<D>, slot: &Slot) -> Result<(), sqlx::Error> {
        let limit = self.limit;
        self.unread = D::SENDS_ON;
        let read = read::<D>(self.get(), prepared, limit, slot).await;
        self.settle(read)
    }

    /// Notes how a question has ended. (A time limit of sqlx's own or of the system is as bad as ours.)
    fn settle<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        let late = |error: &sqlx::Error| matches!(error, sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut);
        self.spoilt |= answer.as_ref().is_err_and(late);
        self.at_rest = answer.is_ok();
        self.unread = false;
        answer
    }

    async fn tell(&mut self, statement: &'static str) -> Result<(), SqlError> {
        let told = self.ask(async |connection| D::tell(connection, SqlStr::from_static(statement)).await).await;
        told.map_err(|error| SqlError::new::<D>(statement, error))
    }

    pub(crate) async fn begin(&mut self) -> Result<(), SqlError> {
        self.in_transaction = true;
        self.tell(D::BEGIN).await
    }

    pub(crate) async fn commit(&mut self) -> Result<(), SqlError> {
        self.tell(D::COMMIT).await?;
        self.in_transaction = false;
        Ok(())
    }

    pub(crate) async fn rollback(&mut self) -> Result<(), SqlError> {
        self.tell("ROLLBACK").await?;
        self.in_transaction = false;
        Ok(())
    }
}

async fn read<D: Backend>(
    connection: &mut D::Connection,
    prepared: Prepared<D>,
    limit: Duration,
    slot: &Slot,
) -> Result<(), sqlx::Error> {
    let mut steps = D::run(connection, prepared);
    loop {
        // What the reader of the rows does meanwhile does not count as waiting for the server.
        match timeout(limit, next(&mut steps)).await {
            Ok(Some(Ok(Either::Right(row)))) => slot.put(D::row(row)).await,
            Ok(Some(Ok(Either::Left(_)))) => {}
            Ok(Some(Err(error))) => return Err(error),
            Ok(None) => return Ok(()),
            Err(_) => return Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
        }
    }
}

impl<D: Backend> Drop for Guarded<D> {
    fn drop(&mut self) {
        let Some(lent) = self.lent.take() else { return };
        if self.spoilt || self.unread {
            // The server rolls back when the session ends.
            drop(lent);
        } else if self.in_transaction {
            later(roll_back(lent));
        } else if self.at_rest {
            self.opening.keep(lent);
        } else {
            later(lent.give_back());
        }
    }
}

async fn roll_back<D: Backend>(mut lent: Lent<D>) {
    let rolled_back = timeout(RELEASE, D::tell(lent.get(), SqlStr::from_static("ROLLBACK"))).await;
    match rolled_back {
        Ok(Ok(())) => lent.give_back().await,
        Ok(Err(error)) if D::had_no_transaction(&error) => lent.give_back().await,
        _ => tracing::warn!("a connection to the database could not be rolled back and was closed"),
    }
}
