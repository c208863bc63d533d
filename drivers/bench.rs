//! What the tests of drivers have in common: a task that runs when it is woken, and the stack's end of
//! its port.

extern crate std;

use core::future::Future;
use core::pin::pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Waker};
use std::boxed::Box;
use std::sync::Arc;
use std::task::Wake;
use std::vec;
use std::vec::Vec;

use crate::config;
use crate::link::{Port, StackEnd};
use crate::netbuf::{NetBuf, NetBufPool, Pool, Purpose};

/// Counts how often a task was woken.
#[derive(Default)]
pub struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        let _: usize = self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Wakes {
    pub fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

/// The stack's end of a port, and the task at the other.
pub struct Bench<'b> {
    pub port: &'b Port,
    pub stack: StackEnd<'b>,
    pub pool: Pool,
    task: &'b mut dyn FnMut(),
}

impl Bench<'_> {
    /// Runs the task as often as it is woken: until it sleeps.
    pub fn run(&mut self) {
        (self.task)();
    }

    pub fn frame(&self, bytes: &[u8]) -> NetBuf {
        let mut frame = self.pool.alloc(Purpose::Send, 64).unwrap();
        frame.append(bytes).unwrap();
        frame
    }

    pub fn send(&self, bytes: &[u8]) {
        self.send_in_class(bytes, 0);
    }

    pub fn send_in_class(&self, bytes: &[u8], class: u8) {
        let mut frame = self.frame(bytes);
        let mut meta = frame.meta();
        meta.class = class;
        frame.set_meta(meta);
        self.stack.send(frame).unwrap();
        self.stack.wake_driver();
    }

    pub fn received(&self) -> Vec<Vec<u8>> {
        let (mut queue, _) = self.stack.receive();
        if queue.len() >= config::PORT_RX_QUEUE {
            self.stack.wake_driver();
        }
        let mut frames = Vec::new();
        while let Some(frame) = queue.pop_front() {
            let mut bytes = vec![0; frame.len()];
            assert_eq!(frame.read(0, &mut bytes), bytes.len());
            frames.push(bytes);
        }
        frames
    }
}

pub fn pool() -> Pool {
    Box::leak(Box::new(NetBufPool::<64, 128, 8, 16>::new())).pool()
}

/// Runs `script` beside the task of a driver. Nothing of the pool may be left.
pub fn on_bench(port: &Port, pool: Pool, task: impl Future, script: impl FnOnce(&mut Bench<'_>)) {
    let stack = port.split().1;
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    {
        let mut task = pin!(task);
        let mut first = true;
        let mut run = || {
            for _ in 0..1000 {
                if wakes.take() == 0 && !core::mem::take(&mut first) {
                    return;
                }
                let mut context = Context::from_waker(&waker);
                assert!(task.as_mut().poll(&mut context).is_pending());
            }
            panic!("the task does not sleep");
        };
        run();
        script(&mut Bench {
            port,
            stack,
            pool,
            task: &mut run,
        });
    }
    drop(stack.receive());
    let stats = pool.stats();
    assert_eq!(
        (stats.blocks_used, stats.headers_used, stats.views_used),
        (0, 0, 0)
    );
}

/// A frame that can be told from others.
pub fn frame(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|i| (i as u8).wrapping_mul(seed)).collect()
}
