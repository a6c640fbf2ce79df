//! Whose turn it is in the Publisher: one request after the other, but for the kill switch. It must not wait for what a
//! publication reads and computes, nor for a central store that takes its time, so that whatever has the turn gives it up.
//!
//! What is given up is as if the Publisher had been restarted there: a change is one commit of D1, which was made or was
//! not, and whoever asked for it sends it again under the same key; a publication is made again by the next sync. A resume
//! that was asked for before a kill switch and would be done after it is refused, since its sender would send it again by
//! itself and so undo what came later. Only a snapshot on its way to KV arrives first: it would replace the one of the kill
//! switch if it came after it.
//!
//! All of it is taken back by being dropped, however a request ends. Where the code panics, the runtime makes the object
//! anew, and this with it.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, Waker};

use futures_util::future::{Either, select};
use futures_util::lock::{Mutex, MutexGuard};

use crate::http::Fault;

/// Whose turn it is.
#[derive(Default)]
pub struct Way {
    turn: Mutex<()>,
    /// Kill switches that wait for their turn.
    first: Cell<u32>,
    /// Kill switches that there were.
    stops: Cell<u64>,
    /// How much of what has the turn must be finished.
    kept: Cell<u32>,
    /// Wakes what has the turn.
    giving: RefCell<Option<Waker>>,
}

/// Of what is to be done again.
pub fn again() -> Fault {
    Fault::Unavailable("a kill switch came first; send the same again".into())
}

/// Of what must not be done again without a look.
pub fn look() -> Fault {
    Fault::Conflict("a kill switch came first; look why, and resume then".into())
}

/// One more, until it is dropped.
pub struct OneMore<'a>(&'a Cell<u32>);

impl<'a> OneMore<'a> {
    fn of(count: &'a Cell<u32>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for OneMore<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Way {
    /// The next turn.
    pub async fn next(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// How many kill switches there were: another number later says that one came in between.
    pub fn stops(&self) -> u64 {
        self.stops.get()
    }

    /// The next turn, which what has it now gives up.
    pub async fn first(&self) -> MutexGuard<'_, ()> {
        self.stops.set(self.stops.get() + 1);
        let _waits = OneMore::of(&self.first);
        if let Some(waker) = self.giving.take() {
            waker.wake();
        }
        self.turn.lock().await
    }

    /// From here on nothing is given up, until the answer is dropped.
    pub fn keep(&self) -> OneMore<'_> {
        OneMore::of(&self.kept)
    }

    /// Does it, if no kill switch comes first.
    ///
    /// # Errors
    /// As the work; or it was given up, of which `came_first` tells the sender.
    pub async fn giving<T>(
        &self,
        work: impl Future<Output = Result<T, Fault>>,
        came_first: Fault,
    ) -> Result<T, Fault> {
        let asked = poll_fn(|context| {
            if self.first.get() > 0 && self.kept.get() == 0 {
                return Poll::Ready(());
            }
            self.giving.replace(Some(context.waker().clone()));
            Poll::Pending
        });
        match select(pin!(work), asked).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(came_first),
        }
    }
}
