//! Who is ready to run, and wakers that say so.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use super::Turns;

/// What can have a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runnable {
    Host(usize),
    /// A station by its link and its place there.
    Station(usize, usize),
    Task(usize),
    Test,
}

/// Those who are ready, in the order in which they became so.
#[derive(Default)]
pub(super) struct Ready(Mutex<Vec<Runnable>>);

impl Ready {
    pub(super) fn push(&self, runnable: Runnable) {
        self.0.lock().unwrap().push(runnable);
    }

    pub(super) fn take(&self) -> Vec<Runnable> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Makes one ready, once, until its turn comes.
pub(super) struct Wakeup {
    ready: Arc<Ready>,
    runnable: Runnable,
    is_set: AtomicBool,
}

impl Wakeup {
    pub(super) fn new(ready: &Arc<Ready>, runnable: Runnable) -> Arc<Self> {
        Arc::new(Self {
            ready: ready.clone(),
            runnable,
            is_set: AtomicBool::new(false),
        })
    }

    pub(super) fn set(&self) {
        if !self.is_set.swap(true, Ordering::Relaxed) {
            self.ready.push(self.runnable);
        }
    }

    pub(super) fn clear(&self) {
        self.is_set.store(false, Ordering::Relaxed);
    }

    pub(super) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Relaxed)
    }

    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(self.clone())
    }
}

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.set();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.set();
    }
}

/// A future that runs beside the test.
pub(super) struct Spawned {
    pub(super) wakeup: Arc<Wakeup>,
    pub(super) turns: Turns,
    pub(super) future: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

/// A task of the network, and what it returned.
pub struct Task<T>(Rc<RefCell<Option<T>>>);

impl<T> Task<T> {
    pub(super) fn new() -> (Self, Rc<RefCell<Option<T>>>) {
        let result = Rc::new(RefCell::new(None));
        (Self(result.clone()), result)
    }

    /// Whether it has returned.
    pub fn is_done(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// What it has returned, if it has.
    pub fn take(&self) -> Option<T> {
        self.0.borrow_mut().take()
    }
}
