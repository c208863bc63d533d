//! Names of hosts, services and interfaces.

use core::cell::{Cell, UnsafeCell};
use core::ffi::{c_char, c_int, c_uint};
use core::mem::MaybeUninit;
use core::ptr;

use super::address::{Written, need};
use super::gate::{done, enter, fail};
use super::layout::{AddrInfo, SockAddr, SockAddrStorage};
use super::pointers::{Bytes, In, NOWHERE, Out, Room, Text};
use crate::compat::bsd::{AddrInfos, Eai, Errno, Hints, NI_NAMEREQD};
use crate::config;

/// There is no place for the result: others have to be given back first.
pub(super) const EAI_MEMORY: c_int = -10;
/// `zonda_errno` says why.
pub(super) const EAI_SYSTEM: c_int = -11;

/// Addresses of one result.
const ENTRIES: usize = 2 * config::DNS_ADDRESSES;

/// Characters of a name, with the end.
const NAME: usize = 256;

/// Results that programs have and have not given back.
pub(super) struct Lookups([Place; config::C_LOOKUPS]);

struct Place {
    is_taken: Cell<bool>,
    found: UnsafeCell<MaybeUninit<Found>>,
}

/// A result, whose parts point to each other. It is the program's until that gives it back.
#[repr(C)]
struct Found {
    entries: [AddrInfo; ENTRIES],
    addresses: [SockAddrStorage; ENTRIES],
    name: [u8; NAME],
}

impl Lookups {
    pub(super) const fn new() -> Self {
        Self(
            [const {
                Place {
                    is_taken: Cell::new(false),
                    found: UnsafeCell::new(MaybeUninit::uninit()),
                }
            }; config::C_LOOKUPS],
        )
    }

    /// Keeps a result for the program; `None` if there is no place.
    fn keep(&self, infos: &AddrInfos, flags: c_int) -> Option<*mut AddrInfo> {
        let place = self.0.iter().find(|place| !place.is_taken.get())?;
        place.is_taken.set(true);
        let found = place.found.get().cast::<Found>();
        // SAFETY: the place is nobody's, and is written to by pointers into it only: its parts lie
        // within, and `list` has no more entries than there is room for.
        unsafe {
            let entries = (&raw mut (*found).entries).cast::<AddrInfo>();
            let addresses = (&raw mut (*found).addresses).cast::<SockAddrStorage>();
            let name = (&raw mut (*found).name).cast::<u8>();
            let mut canonical = ptr::null_mut();
            if let Some(text) = infos.canonical.as_ref().filter(|text| text.len() < NAME) {
                ptr::copy_nonoverlapping(text.as_ptr(), name, text.len());
                name.add(text.len()).write(0);
                canonical = name.cast::<c_char>();
            }
            let count = infos.list.len().min(ENTRIES);
            for (at, info) in infos.list.iter().take(count).enumerate() {
                let written = Written::new(info.address);
                let address = addresses.add(at);
                address
                    .cast::<u8>()
                    .write_bytes(0, size_of::<SockAddrStorage>());
                let bytes = written.bytes();
                ptr::copy_nonoverlapping(bytes.as_ptr(), address.cast::<u8>(), bytes.len());
                entries.add(at).write(AddrInfo {
                    ai_flags: flags,
                    ai_family: info.family,
                    ai_socktype: info.socktype,
                    ai_protocol: info.protocol,
                    ai_addrlen: bytes.len() as u32,
                    ai_addr: address.cast::<SockAddr>(),
                    // "in the first" (RFC 3493 §6.1).
                    ai_canonname: if at == 0 { canonical } else { ptr::null_mut() },
                    ai_next: match at + 1 < count {
                        true => entries.add(at + 1),
                        false => ptr::null_mut(),
                    },
                });
            }
            Some(entries)
        }
    }

    /// Takes a result back; false if there is none.
    fn give_back(&self, result: *const AddrInfo) -> bool {
        let place = self.0.iter().find(|place| {
            place.is_taken.get() && ptr::eq(place.found.get().cast_const().cast(), result)
        });
        place.is_some_and(|place| place.is_taken.replace(false))
    }
}

/// What a call answers that names a failure by `EAI_*`.
fn code(result: Result<Result<(), c_int>, Errno>) -> c_int {
    match result {
        Ok(Ok(())) => 0,
        Ok(Err(code)) => code,
        Err(error) => {
            let _: c_int = fail(error);
            EAI_SYSTEM
        }
    }
}

calls! {
    /// The addresses of a host, with the port of a service (RFC 3493 §6.1). What is found is given
    /// back by [`zonda_freeaddrinfo`].
    fn zonda_getaddrinfo(
        host: Text,
        service: Text,
        hints: In<AddrInfo>,
        found: Out<*mut AddrInfo>,
    ) -> c_int {
        code(enter(|world| {
            let hints = match hints.is_null() {
                true => Hints::default(),
                false => {
                    let AddrInfo {
                        ai_flags: flags,
                        ai_family: family,
                        ai_socktype: socktype,
                        ai_protocol: protocol,
                        ..
                    } = hints.get()?;
                    Hints { flags, family, socktype, protocol }
                }
            };
            let (host, service) = (host.get()?, service.get()?);
            found.put(ptr::null_mut())?;
            let infos = match world.wait_for(world.sockets.getaddrinfo(host, service, &hints)) {
                Ok(infos) => infos,
                Err(error) => return Ok(Err(error as c_int)),
            };
            match world.lookups.keep(&infos, hints.flags) {
                Some(first) => found.put(first).map(Ok),
                None => Ok(Err(EAI_MEMORY)),
            }
        }))
    }

    /// Gives back what [`zonda_getaddrinfo`] has found, by its first entry. Another pointer changes
    /// nothing.
    fn zonda_freeaddrinfo(found: In<AddrInfo>) {
        let given = enter(|world| match world.lookups.give_back(found.as_ptr()) {
            true => Ok(()),
            false => Err(Errno::EINVAL),
        });
        if !found.is_null() {
            let _: c_int = done(given);
        }
    }

    /// The names of an address and a port (RFC 3493 §6.2).
    fn zonda_getnameinfo(
        address: Bytes,
        length: u32,
        mut host: Room,
        host_length: u32,
        mut service: Room,
        service_length: u32,
        flags: c_int,
    ) -> c_int {
        let wants = |room: &Room, length: u32| !room.is_null() && length > 0;
        let (wants_host, wants_service) =
            (wants(&host, host_length), wants(&service, service_length));
        // "applications ... at least one of ..." (RFC 3493 §6.2).
        if !wants_host && (!wants_service || flags & NI_NAMEREQD != 0) {
            return Eai::NoName as c_int;
        }
        code(enter(|world| {
            let address = match need(&address, length) {
                Ok(address) => address,
                Err(Errno::EFAULT) => return Err(Errno::EFAULT),
                Err(_) => return Ok(Err(Eai::Family as c_int)),
            };
            let names = match world.wait_for(world.sockets.getnameinfo(address, flags)) {
                Ok(names) => names,
                Err(error) => return Ok(Err(error as c_int)),
            };
            for (wanted, room, length, text) in [
                (wants_host, &mut host, host_length, names.host.as_str()),
                (wants_service, &mut service, service_length, names.service.as_str()),
            ] {
                let length = usize::try_from(length).map_err(|_| Errno::EINVAL)?;
                if wanted && let Err(error) = room.put_text(length, text) {
                    return match error {
                        Errno::ENOSPC => Ok(Err(Eai::Overflow as c_int)),
                        error => Err(error),
                    };
                }
            }
            Ok(Ok(()))
        }))
    }

    /// The name of the host, with its end.
    fn zonda_gethostname(mut name: Room, length: usize) -> c_int {
        done(enter(|world| {
            #[cfg(feature = "hostname")]
            return name.put_text(length, world.stack().hostname().as_str());
            #[cfg(not(feature = "hostname"))]
            {
                let _ = (world, &mut name, length);
                Err(Errno::EOPNOTSUPP)
            }
        }))
    }

    /// Gives the host a name.
    fn zonda_sethostname(name: Text) -> c_int {
        done(enter(|world| {
            #[cfg(feature = "hostname")]
            return world.stack().set_hostname(name.need()?).map_err(|_| Errno::EINVAL);
            #[cfg(not(feature = "hostname"))]
            {
                let _ = (world, &name);
                Err(Errno::EOPNOTSUPP)
            }
        }))
    }

    /// The number of an interface by its name, counted from 1; 0 if there is none (RFC 3493 §4.1).
    fn zonda_if_nametoindex(name: Text) -> c_uint {
        let found = enter(|world| {
            #[cfg(feature = "mgmt")]
            return world.sockets.if_nametoindex(name.need()?);
            #[cfg(not(feature = "mgmt"))]
            {
                let _ = (world, &name);
                Err(Errno::EOPNOTSUPP)
            }
        });
        found.unwrap_or_else(|error| {
            let _: c_int = fail(error);
            0
        })
    }

    /// The name of an interface by its number, in `IF_NAMESIZE` bytes; null if there is none (RFC 3493
    /// §4.2).
    fn zonda_if_indextoname(index: c_uint, mut name: Room) -> *mut c_char {
        let found = enter(|world| {
            #[cfg(feature = "mgmt")]
            {
                use crate::iface::NAME_LENGTH;

                let mut text = [0; NAME_LENGTH];
                let text = world.sockets.if_indextoname(index, &mut text)?;
                name.put_text(NAME_LENGTH + 1, text)
            }
            #[cfg(not(feature = "mgmt"))]
            {
                let _ = (world, index, &mut name);
                Err(Errno::EOPNOTSUPP)
            }
        });
        match found {
            Ok(()) => name.text().cast_mut(),
            Err(error) => {
                let _: c_int = fail(error);
                NOWHERE.cast()
            }
        }
    }
}
