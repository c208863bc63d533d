//! Interfaces: drivers, addresses, routes, name servers.

use core::ffi::{c_int, c_uint};
use core::net::{IpAddr, SocketAddr};

use super::address::{ip, need, write};
use super::driver::Link;
use super::gate::{answer, done, enter};
use super::layout::Driver;
use super::pointers::{Bytes, In, Out, Room, Text};
use super::world::World;
use crate::compat::bsd::Errno;
use crate::iface::route::{Prefix, Route, RouteError, RouteOrigin};
use crate::iface::{AddressError, InterfaceInfo};
#[cfg(feature = "ipv6")]
use crate::iface::{AddressState, Ipv6Cidr};
#[cfg(feature = "ipv4")]
use crate::iface::{Ipv4Cidr, Ipv4State};
use crate::stack::InterfaceId;
use crate::time::Duration;
use crate::wire::IpAddress;

/// The address may be used.
pub const ADDRESS_USABLE: c_int = 0;
/// Whether another station has the address is not known yet.
pub const ADDRESS_TENTATIVE: c_int = 1;
/// Another station has the address.
pub const ADDRESS_DUPLICATE: c_int = 2;

/// The interface of a number that counts from 1.
pub(super) fn interface(world: &'static World, number: c_uint) -> Result<InterfaceId, Errno> {
    let id = number
        .checked_sub(1)
        .and_then(|id| InterfaceId::try_from(id).ok());
    let id = id.filter(|id| world.stack().interface(*id).is_some());
    id.ok_or(Errno::ENXIO)
}

/// Attaches a link, and gives the number of its interface.
fn attach(
    world: &'static World,
    link: Link,
    join: impl FnOnce(&'static Link) -> Option<InterfaceId>,
) -> Result<c_int, Errno> {
    let mut places = world.links.iter();
    let place = places
        .find(|place| place.get().is_none())
        .ok_or(Errno::ENOBUFS)?;
    let link = place.get_or_init(|| link);
    join(link)
        .map(|id| c_int::from(id) + 1)
        .ok_or(Errno::ENOBUFS)
}

/// Gives an interface a name, if it is to have one.
fn name(world: &'static World, number: c_int, name: Option<&str>) -> Result<c_int, Errno> {
    #[cfg(feature = "mgmt")]
    if let Some(name) = name
        && let Ok(id) = InterfaceId::try_from(number - 1)
    {
        world
            .stack()
            .set_name(id, name)
            .map_err(|_| Errno::EINVAL)?;
    }
    #[cfg(not(feature = "mgmt"))]
    let _ = (world, name);
    Ok(number)
}

fn route(
    world: &'static World,
    number: c_uint,
    family: c_int,
    (destination, length): (&Bytes, c_uint),
    gateway: &Bytes,
) -> Result<Route, Errno> {
    let of = |bytes: &Bytes| {
        let address = IpAddress::try_from(ip(family, bytes)?);
        address.map_err(|_| Errno::EAFNOSUPPORT)
    };
    let length = u8::try_from(length).map_err(|_| Errno::EINVAL)?;
    Ok(Route {
        prefix: Prefix::new(of(destination)?, length)?,
        gateway: if gateway.is_null() {
            None
        } else {
            Some(of(gateway)?)
        },
        interface: interface(world, number)?,
        metric: 0,
        expires: None,
        origin: RouteOrigin::Static,
    })
}

impl From<RouteError> for Errno {
    fn from(error: RouteError) -> Self {
        match error {
            RouteError::PrefixLength | RouteError::GatewayFamily | RouteError::GatewayAddress => {
                Self::EINVAL
            }
            RouteError::TableFull => Self::ENOBUFS,
        }
    }
}

/// The addresses of an interface, with the bits of their prefixes and their states.
fn addresses(info: &InterfaceInfo) -> impl Iterator<Item = (IpAddr, u8, c_int)> {
    let none = core::iter::empty();
    #[cfg(feature = "ipv4")]
    let none = none.chain(info.ipv4.iter().map(|entry| {
        let state = match entry.state {
            Ipv4State::Probing => ADDRESS_TENTATIVE,
            Ipv4State::Active => ADDRESS_USABLE,
            Ipv4State::Conflicted => ADDRESS_DUPLICATE,
        };
        (entry.cidr.address.into(), entry.cidr.prefix_length, state)
    }));
    #[cfg(feature = "ipv6")]
    let none = none.chain(info.ipv6.iter().map(|entry| {
        let state = match entry.state {
            AddressState::Tentative => ADDRESS_TENTATIVE,
            AddressState::Duplicate => ADDRESS_DUPLICATE,
            _ => ADDRESS_USABLE,
        };
        (entry.address.into(), entry.prefix_length, state)
    }));
    none
}

calls! {
    /// Attaches a driver as a new interface; gives its number, counted from 1. The name may be null.
    fn zonda_attach(driver: In<Driver>, name_of_it: Text) -> c_int {
        answer(enter(|world| {
            let link = Link::new(driver.get()?)?;
            let text = name_of_it.get()?;
            let number = attach(world, link, |link| {
                world.stack().attach(link.port.split().1).ok()
            })?;
            name(world, number, text)
        }))
    }

    /// Makes an interface that leads to this host itself, with 127.0.0.0/8 and ::1; gives its number.
    fn zonda_attach_loopback() -> c_int {
        answer(enter(|world| {
            #[cfg(feature = "loopback")]
            return attach(world, Link::loopback(), |link| {
                world.stack().attach_loopback(&link.port).ok()
            });
            #[cfg(not(feature = "loopback"))]
            {
                let _ = world;
                Err::<c_int, Errno>(Errno::EOPNOTSUPP)
            }
        }))
    }

    /// Adds an address to an interface, with the bits of its prefix.
    fn zonda_add_address(
        number: c_uint,
        family: c_int,
        address: Bytes,
        prefix: c_uint,
    ) -> c_int {
        done(enter(|world| {
            let (stack, id) = (world.stack(), interface(world, number)?);
            let bits = u8::try_from(prefix).map_err(|_| Errno::EINVAL)?;
            match ip(family, &address)? {
                #[cfg(feature = "ipv4")]
                IpAddr::V4(ip) if bits <= 32 => stack.add_ipv4(id, Ipv4Cidr::new(ip, bits))?,
                #[cfg(feature = "ipv6")]
                IpAddr::V6(ip) if bits <= 128 => stack.add_ipv6(id, Ipv6Cidr::new(ip, bits))?,
                #[allow(unreachable_patterns)]
                IpAddr::V4(_) if cfg!(feature = "ipv4") => return Err(Errno::EINVAL),
                #[allow(unreachable_patterns)]
                IpAddr::V6(_) if cfg!(feature = "ipv6") => return Err(Errno::EINVAL),
                _ => return Err(AddressError::UnsupportedFamily.into()),
            }
            Ok(())
        }))
    }

    /// Takes an address from an interface.
    fn zonda_remove_address(number: c_uint, family: c_int, address: Bytes) -> c_int {
        done(enter(|world| {
            let id = interface(world, number)?;
            match world.stack().remove_address(id, ip(family, &address)?) {
                true => Ok(()),
                false => Err(Errno::EADDRNOTAVAIL),
            }
        }))
    }

    /// Tells an address of an interface: the first for `place` 0, then the others; `ENOENT` where
    /// there are no more. The port is 0. Gives its state, `ADDRESS_*`.
    fn zonda_get_address(
        number: c_uint,
        place: c_uint,
        mut address: Room,
        length: Out<u32>,
        prefix: Out<c_uint>,
    ) -> c_int {
        answer(enter(|world| {
            let id = interface(world, number)?;
            let info = world.stack().interface(id).ok_or(Errno::ENXIO)?;
            let place = usize::try_from(place).map_err(|_| Errno::ENOENT)?;
            let (ip, bits, state) = addresses(&info).nth(place).ok_or(Errno::ENOENT)?;
            if !address.is_null() {
                write(Some(SocketAddr::new(ip, 0)), &mut address, &length)?;
            }
            if !prefix.is_null() {
                prefix.put(bits.into())?;
            }
            Ok(state)
        }))
    }

    /// Adds a route: to the destinations with this prefix by a gateway, or where that is null to
    /// neighbours.
    fn zonda_add_route(
        number: c_uint,
        family: c_int,
        destination: Bytes,
        prefix: c_uint,
        gateway: Bytes,
    ) -> c_int {
        done(enter(|world| {
            let route = route(world, number, family, (&destination, prefix), &gateway)?;
            Ok(world.stack().add_route(route)?)
        }))
    }

    /// Takes a route out.
    fn zonda_remove_route(
        number: c_uint,
        family: c_int,
        destination: Bytes,
        prefix: c_uint,
        gateway: Bytes,
    ) -> c_int {
        done(enter(|world| {
            let route = route(world, number, family, (&destination, prefix), &gateway)?;
            let gateway = route.gateway.map(IpAddr::from);
            let removed = world.stack().remove_route(route.prefix, gateway, route.interface);
            removed.map(|_| ()).ok_or(Errno::ENOENT)
        }))
    }

    /// Adds a server that is asked for names; port 0 is that of the DNS.
    fn zonda_add_name_server(address: Bytes, length: u32) -> c_int {
        done(enter(|world| {
            let mut server = need(&address, length)?;
            if server.port() == 0 {
                server.set_port(53);
            }
            #[cfg(feature = "dns")]
            return match world.resolver.add_server(server) {
                true => Ok(()),
                false => Err(Errno::ENOBUFS),
            };
            #[cfg(not(feature = "dns"))]
            {
                let _ = world;
                Err(Errno::EOPNOTSUPP)
            }
        }))
    }

    /// Waits until the link of an interface is up, and it is known of all its addresses whether
    /// another station has them, for so many milliseconds at most: `EAGAIN` when they are over.
    fn zonda_wait_ready(number: c_uint, milliseconds: u32) -> c_int {
        done(enter(|world| {
            let (stack, id) = (world.stack(), interface(world, number)?);
            let mut ready = core::pin::pin!(stack.ready(id));
            let mut sleep = stack.sleep(Duration::from_millis(milliseconds.into()));
            world.wait_for(core::future::poll_fn(|context| {
                use core::future::Future;
                use core::task::Poll;

                if ready.as_mut().poll(context).is_ready() {
                    return Poll::Ready(Ok(()));
                }
                let sleep = core::pin::Pin::new(&mut sleep).poll(context);
                sleep.map(|()| Err(Errno::EAGAIN))
            }))
        }))
    }
}
