//! How sockets begin and end.

use core::ffi::c_int;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::address::{need, read, write};
use super::gate::{answer, done, enter};
use super::pointers::{Bytes, List, Out, Room};
use super::world::World;
use crate::compat::bsd::{AF_INET6, Errno, SO_DOMAIN, SOL_SOCKET};
use crate::stack::Next;

/// Whether a socket is of the family of IPv6.
pub(super) fn is_ipv6(world: &World, fd: c_int) -> bool {
    world.sockets.get(fd, SOL_SOCKET, SO_DOMAIN) == Ok(AF_INET6)
}

calls! {
    /// Opens a socket; gives its descriptor.
    fn zonda_socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
        answer(enter(|world| world.sockets.socket(domain, kind, protocol)))
    }

    /// Opens two sockets that are connected with each other.
    fn zonda_socketpair(domain: c_int, kind: c_int, protocol: c_int, mut fds: List<c_int>) -> c_int {
        done(enter(|world| {
            let fds = fds.slice(2)?;
            let (one, other) = world.sockets.socketpair(domain, kind, protocol)?;
            fds.copy_from_slice(&[one, other]);
            Ok(())
        }))
    }

    /// Binds a socket to an address and port of this host.
    fn zonda_bind(fd: c_int, address: Bytes, length: u32) -> c_int {
        done(enter(|world| world.sockets.bind(fd, need(&address, length)?)))
    }

    /// Connects a socket; an address of no family takes a datagram socket its peer.
    fn zonda_connect(fd: c_int, address: Bytes, length: u32) -> c_int {
        done(enter(|world| {
            let nobody: IpAddr = match is_ipv6(world, fd) {
                true => Ipv6Addr::UNSPECIFIED.into(),
                false => Ipv4Addr::UNSPECIFIED.into(),
            };
            let remote = read(&address, length)?.unwrap_or(SocketAddr::new(nobody, 0));
            world.call(world.sockets.connect(fd, remote))
        }))
    }

    /// Accepts connections from here on; so many of them may wait.
    fn zonda_listen(fd: c_int, backlog: c_int) -> c_int {
        done(enter(|world| world.sockets.listen(fd, backlog)))
    }

    /// Takes a connection that waits; gives its descriptor, and where `address` is not null the peer.
    fn zonda_accept(fd: c_int, mut address: Room, length: Out<u32>) -> c_int {
        answer(enter(|world| {
            // What cannot be told is known before there is a connection to be lost.
            if !address.is_null() {
                let _: u32 = length.get()?;
            }
            let (fd, peer) = world.call(world.sockets.accept(fd))?;
            write(Some(peer), &mut address, &length)?;
            Ok(fd)
        }))
    }

    /// Says that nothing more is received, sent, or both.
    fn zonda_shutdown(fd: c_int, how: c_int) -> c_int {
        done(enter(|world| {
            world.sockets.shutdown(fd, how)?;
            let _: Next = world.turn();
            Ok(())
        }))
    }

    /// Closes a descriptor; waits only if `SO_LINGER` says so.
    fn zonda_close(fd: c_int) -> c_int {
        done(enter(|world| world.call(world.sockets.close(fd))))
    }

    /// The address and port that a socket is bound to.
    fn zonda_getsockname(fd: c_int, mut address: Room, length: Out<u32>) -> c_int {
        done(enter(|world| {
            if address.is_null() {
                return Err(Errno::EFAULT);
            }
            write(Some(world.sockets.getsockname(fd)?), &mut address, &length)
        }))
    }

    /// Whom a socket is connected to.
    fn zonda_getpeername(fd: c_int, mut address: Room, length: Out<u32>) -> c_int {
        done(enter(|world| {
            if address.is_null() {
                return Err(Errno::EFAULT);
            }
            write(Some(world.sockets.getpeername(fd)?), &mut address, &length)
        }))
    }
}
