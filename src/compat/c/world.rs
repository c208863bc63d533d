//! The stack with all that belongs to it, in memory of the program.

use core::cell::{OnceCell, UnsafeCell};
use core::ffi::c_void;
use core::future::Future;
use core::ptr;
use core::task::Context;

use super::driver::Link;
use super::gate;
use super::layout::Platform;
use super::lookup::Lookups;
use super::pointers::{In, Room, place_for};
#[cfg(feature = "dhcpv4-client")]
use super::service::Service;
use crate::compat::bsd::{self, Errno, Sockets};
use crate::config;
use crate::netbuf::NetBufPool;
#[cfg(feature = "dns")]
use crate::proto::dns::Resolver;
use crate::stack::{Clock, Next, Stack, StackCell, StackStorage};
use crate::time::Instant;

/// Turns of one call that does not wait.
const TURNS: usize = 8;

type Storage = StackStorage<
    'static,
    { config::C_INTERFACES },
    { config::C_UDP_SOCKETS },
    { config::C_TCP_SOCKETS },
    { config::C_LISTENERS },
>;

/// With as many spare views as blocks: each may be shared once.
type BlockPool = NetBufPool<
    { config::C_BLOCKS },
    { config::C_BLOCK_SIZE },
    { config::C_HEADER_BLOCKS },
    { config::C_BLOCKS },
>;

/// The stack. Its fields borrow from those below them, and are dropped before these.
pub(super) struct World {
    pub(super) sockets: Sockets<'static, { config::C_DESCRIPTORS }>,
    pub(super) lookups: Lookups,
    #[cfg(feature = "dhcpv4-client")]
    pub(super) services: [Service; config::C_INTERFACES],
    #[cfg(feature = "dns")]
    pub(super) resolver: Resolver<'static>,
    cell: StackCell<'static>,
    storage: UnsafeCell<Storage>,
    pub(super) links: [OnceCell<Link>; config::C_INTERFACES],
    clock: Hooks,
    pool: BlockPool,
}

/// What the program does for the stack.
struct Hooks {
    context: *mut c_void,
    now: unsafe extern "C" fn(*mut c_void) -> u64,
    wait: Option<unsafe extern "C" fn(*mut c_void, u32)>,
}

impl Clock for Hooks {
    fn now(&self) -> Instant {
        // SAFETY: the program says that it may be called so.
        Instant::from_micros(unsafe { (self.now)(self.context) })
    }
}

/// Bytes that [`World::make`] needs, wherever they begin.
pub(super) const SIZE: usize = size_of::<World>() + align_of::<World>() - 1;

impl World {
    /// Makes a stack in memory of the program.
    pub(super) fn make(
        memory: &Room,
        size: usize,
        platform: &In<Platform>,
    ) -> Result<*mut Self, Errno> {
        let platform = platform.get()?;
        let now = platform.now.ok_or(Errno::EFAULT)?;
        if platform.seed == [0; 32] {
            return Err(Errno::EINVAL);
        }
        let place = place_for::<Self>(memory, size)?;
        // SAFETY: the place is large enough, aligned, and nobody else's until the stack is closed.
        // Each field is written once, and borrowed only when that has been done: shared, but for the
        // storage, which the cell has alone and which lies in an `UnsafeCell`, so that it may stand in
        // a `World` that is shared. No reference outlives the fields, see `end`.
        unsafe {
            (&raw mut (*place).pool).write(const { BlockPool::new() });
            (&raw mut (*place).clock).write(Hooks {
                context: platform.context,
                now,
                wait: platform.wait,
            });
            (&raw mut (*place).links).write([const { OnceCell::new() }; config::C_INTERFACES]);
            let storage = (&raw mut (*place).storage).cast::<Storage>();
            storage.write(Storage::new());
            let (pool, clock) = (&(*place).pool, &(*place).clock);
            let cell = StackCell::new(&mut *storage, pool.pool(), platform.seed, clock);
            (&raw mut (*place).cell).write(cell);
            let cell: &'static StackCell<'static> = &(*place).cell;
            let sockets = Sockets::new(cell.stack());
            #[cfg(feature = "dns")]
            let sockets = {
                (&raw mut (*place).resolver).write(Resolver::new(cell.stack()));
                sockets.with_resolver(&(*place).resolver)
            };
            #[cfg(feature = "dhcpv4-client")]
            (&raw mut (*place).services).write([const { Service::new() }; config::C_INTERFACES]);
            (&raw mut (*place).lookups).write(const { Lookups::new() });
            (&raw mut (*place).sockets).write(sockets);
        }
        Ok(place)
    }

    /// Ends a stack: its sockets are closed, and what that makes to be sent is sent, but nothing is
    /// waited for.
    pub(super) fn end(place: *mut Self) {
        // SAFETY: `place` is of a stack that was made and has not ended, and nobody is inside: there
        // are no references but those among its fields, which are dropped in their order, so that
        // none is used after what it points to.
        unsafe {
            for fd in 0..config::C_DESCRIPTORS {
                let _: Result<(), Errno> = (*place).sockets.close_now(fd as bsd::Fd);
            }
            let _: Next = (*place).turn();
            ptr::drop_in_place(place);
        }
    }

    /// The stack itself.
    pub(super) fn stack(&'static self) -> Stack<'static> {
        self.cell.stack()
    }

    /// Moves frames between drivers and ports; says whether there were any.
    fn serve(&'static self) -> bool {
        let pool = self.pool.pool();
        let mut any = false;
        for link in self.links.iter().filter_map(OnceCell::get) {
            any |= link.serve(pool);
        }
        any
    }

    /// Does what there is to do, and waits for nothing; says when there will be more.
    pub(super) fn turn(&'static self) -> Next {
        let mut next = Next::Now;
        for _ in 0..TURNS {
            self.serve_protocols();
            next = self.stack().poll();
            if !self.serve() && next != Next::Now {
                break;
            }
        }
        next
    }

    /// Lets the protocols run that were started.
    fn serve_protocols(&self) {
        #[cfg(feature = "dhcpv4-client")]
        for service in &self.services {
            service.poll(&mut Context::from_waker(core::task::Waker::noop()));
        }
    }

    /// Waits for `future`, and drives everything meanwhile.
    pub(super) fn wait_for<T>(&'static self, future: impl Future<Output = T>) -> T {
        let mut future = core::pin::pin!(future);
        let beside = core::future::poll_fn(|context: &mut Context<'_>| {
            self.serve_protocols();
            future.as_mut().poll(context)
        });
        bsd::block_on(self.stack(), &mut |next| self.idle(next), beside)
    }

    /// The same for a call after which there may be something to be sent, or that a program makes
    /// again and again until there is something.
    pub(super) fn call<T>(&'static self, future: impl Future<Output = T>) -> T {
        let result = self.wait_for(future);
        let _: Next = self.turn();
        result
    }

    /// Sleeps until there is something to do.
    fn idle(&'static self, next: Next) {
        if self.serve() {
            return;
        }
        let millis = self.millis_until(next);
        let Hooks { context, wait, .. } = self.clock;
        if let Some(wait) = wait.filter(|_| millis > 0) {
            // SAFETY: the program says that it may be called so. It may call the stack.
            gate::outside(|| unsafe { wait(context, millis) });
        }
    }

    /// Milliseconds until the stack wants to be called again; `u32::MAX`: it does not.
    pub(super) fn millis_until(&self, next: Next) -> u32 {
        let millis = match next {
            Next::Now => 0,
            Next::At(at) => {
                let micros = at.since(self.clock.now()).as_micros();
                u32::try_from(micros.div_ceil(1000)).unwrap_or(u32::MAX)
            }
            Next::Idle => u32::MAX,
        };
        // A driver that has no room now is asked again.
        match self.is_behind() {
            true => millis.min(1),
            false => millis,
        }
    }

    /// Whether a driver has not taken a frame yet that it was given.
    fn is_behind(&self) -> bool {
        let mut links = self.links.iter().filter_map(OnceCell::get);
        links.any(Link::is_behind)
    }

    /// Blocks that are in use.
    pub(super) fn blocks_used(&'static self) -> u16 {
        self.pool.pool().stats().blocks_used
    }
}
