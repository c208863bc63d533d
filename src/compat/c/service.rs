//! Protocols that run beside the calls.

use core::cell::{Cell, OnceCell, UnsafeCell};
use core::ffi::{c_int, c_uint};
use core::future::Future;
use core::mem::MaybeUninit;
use core::pin::Pin;
use core::ptr;
use core::task::Context;

use super::gate::{done, enter};
use super::interfaces::interface;
use crate::compat::bsd::Errno;
use crate::proto::dhcpv4::{ClientConfig, Dhcpv4Client};
use crate::stack::{InterfaceId, Next, Stack};

type Client = Dhcpv4Client<'static, 'static>;

/// What runs.
async fn run(client: &'static Client) {
    // Without a socket it ends at once, and may be started again.
    let _: Result<(), crate::socket::BindError> = client.run().await;
}

const fn size_of_future<A, F>(_: fn(A) -> F) -> usize {
    size_of::<F>()
}

const fn align_of_future<A, F>(_: fn(A) -> F) -> usize {
    align_of::<F>()
}

/// Room for the future of [`run`], whose type has no name.
#[repr(C, align(16))]
struct Room([MaybeUninit<u8>; size_of_future(run)]);

const _: () = assert!(align_of_future(run) <= align_of::<Room>());

/// The DHCPv4 client of an interface.
pub(super) struct Service {
    client: OnceCell<Client>,
    /// What is in the room, if it runs.
    future: Cell<Option<*mut dyn Future<Output = ()>>>,
    room: UnsafeCell<Room>,
}

/// Writes a future into a room.
fn place<A, F: Future<Output = ()> + 'static>(
    make: fn(A) -> F,
    argument: A,
    room: *mut Room,
) -> *mut dyn Future<Output = ()> {
    let future = room.cast::<F>();
    // SAFETY: the room has the size and alignment of what `run` makes, nothing else is passed.
    unsafe { future.write(make(argument)) };
    future
}

impl Service {
    pub(super) const fn new() -> Self {
        Self {
            client: OnceCell::new(),
            future: Cell::new(None),
            room: UnsafeCell::new(Room([MaybeUninit::uninit(); size_of_future(run)])),
        }
    }

    fn start(&'static self, stack: Stack<'static>, id: InterfaceId) -> Result<(), Errno> {
        if self.future.get().is_some() {
            return Err(Errno::EALREADY);
        }
        if self.client.get().is_none() {
            let client = Client::new(stack, id, ClientConfig::new()).map_err(|_| Errno::EINVAL)?;
            let _: Result<(), Client> = self.client.set(client);
        }
        let client = self.client.get().ok_or(Errno::EINVAL)?;
        self.future.set(Some(place(run, client, self.room.get())));
        Ok(())
    }

    /// Goes on.
    pub(super) fn poll(&self, context: &mut Context<'_>) {
        // Taken out meanwhile, so that it is polled by one at a time.
        let Some(future) = self.future.take() else {
            return;
        };
        // SAFETY: it is in the room, which does not move, and nobody else has it now.
        let polled = unsafe { Pin::new_unchecked(&mut *future).poll(context) };
        match polled.is_pending() {
            true => self.future.set(Some(future)),
            // SAFETY: it is dropped once, and nobody has it any more.
            false => unsafe { ptr::drop_in_place(future) },
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            // SAFETY: as above. It goes before the client that it uses.
            unsafe { ptr::drop_in_place(future) };
        }
    }
}

calls! {
    /// Gets an address for an interface by DHCP (RFC 2131), with routes and name servers, and keeps
    /// it, whenever the stack is driven.
    fn zonda_dhcpv4_start(number: c_uint) -> c_int {
        done(enter(|world| {
            let id = interface(world, number)?;
            let service = world.services.get(usize::from(id)).ok_or(Errno::ENXIO)?;
            service.start(world.stack(), id)?;
            let _: Next = world.turn();
            Ok(())
        }))
    }

    /// Gives the address back to the server.
    fn zonda_dhcpv4_stop(number: c_uint) -> c_int {
        done(enter(|world| {
            let id = interface(world, number)?;
            let service = world.services.get(usize::from(id)).ok_or(Errno::ENXIO)?;
            service.client.get().ok_or(Errno::ENOENT)?.release();
            let _: Next = world.turn();
            Ok(())
        }))
    }
}
