//! Multicast DNS at work: a socket, in the groups of all interfaces.

use core::future::{Future, poll_fn};
use core::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use core::pin::pin;
use core::task::Poll;

use heapless::Vec;

use super::handle::{Mdns, MdnsCounters, Shared};
use super::link::{Link, NoRoom, Origin, Outside, Target, Version};
use super::{GROUP4, GROUP6, LINKS, PORT};
use crate::config;
use crate::iface::Member;
use crate::proto::dns::{CLASS_IN, Flags, Message};
use crate::socket::{BindError, SendError, UdpBind, UdpSocket};
use crate::stack::waiters::WaitKey;
use crate::stack::{Core, InterfaceId};
use crate::time::Instant;
use crate::wire::IpAddress;

/// "SHOULD be sent with IP TTL set to 255" (RFC 6762 §11).
const HOP_LIMIT: u8 = 255;
/// IPv6 and UDP headers.
const HEADERS: usize = 48;
/// Datagrams that are taken in before others get a turn.
const BATCH: usize = 8;

/// The socket, and the stack that it is one of.
struct Surroundings<'c, 's> {
    core: &'c mut Core<'s>,
    socket: u16,
    counters: MdnsCounters,
    /// The links on which unicast answers were asked for.
    asked_unicast: u32,
}

impl Outside for Surroundings<'_, '_> {
    fn below(&mut self, bound: u32) -> u32 {
        self.core.rng.below(bound)
    }

    fn send(&mut self, to: Target, message: &[u8]) -> Result<(), NoRoom> {
        let (number, to) = match to {
            Target::Group(number, Version::V4) => (number, SocketAddr::new(GROUP4.into(), PORT)),
            Target::Group(number, Version::V6) => {
                let scope = number as u32 + 1;
                (number, SocketAddrV6::new(GROUP6, PORT, 0, scope).into())
            }
            Target::Host(number, to) => (number, to),
        };
        if let Some(slot) = self.core.udp.get_mut(self.socket) {
            slot.multicast_interface = Some(number as InterfaceId);
        }
        if wants_unicast(message) {
            self.asked_unicast |= 1u32.checked_shl(number as u32).unwrap_or(0);
        }
        let (counter, result) = match self.core.udp_send(self.socket, Some(to), None, message) {
            Ok(()) => (&mut self.counters.sent, Ok(())),
            Err(SendError::NoBuffer | SendError::QueueFull | SendError::NeighborQueueFull) => {
                (&mut self.counters.not_sent, Err(NoRoom))
            }
            // It counts as lost.
            Err(_) => (&mut self.counters.not_sent, Ok(())),
        };
        *counter = counter.wrapping_add(1);
        result
    }
}

/// Whether a message is a query to which unicast answers are wanted.
fn wants_unicast(message: &[u8]) -> bool {
    Message::new(message).is_ok_and(|message| {
        let mut questions = message.questions().map_while(Result::ok);
        !message.flags().contains(Flags::RESPONSE)
            && questions.any(|question| question.unicast && question.class == CLASS_IN)
    })
}

impl Mdns<'_> {
    /// Works, until [`Mdns::stop`]: answers for the names of this host, and asks for those of
    /// others. It takes one UDP socket, with port 5353, and the two groups on each interface.
    ///
    /// Dropped, it stops without a goodbye.
    ///
    /// # Errors
    ///
    /// There is no socket free, or the port is in use by one that does not share it.
    pub async fn run(&self) -> Result<(), BindError> {
        let local = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), PORT);
        // RFC 6762 §15.1: others may want to hear what is sent to the groups.
        let socket = UdpSocket::bind(self.stack, UdpBind::new(local).reuse(true))?;
        socket.set_multicast_hop_limit(HOP_LIMIT);
        socket.set_hop_limit(HOP_LIMIT);
        socket.set_multicast_loop(false);
        self.borrow().reset();
        loop {
            let deadline = self.work(&socket);
            if self.borrow().has_stopped() {
                return Ok(());
            }
            self.wait(&socket, deadline).await;
        }
    }

    /// Waits until there is something to do.
    async fn wait(&self, socket: &UdpSocket<'_>, deadline: Instant) {
        let mut sleep = pin!(self.stack.sleep_until(deadline));
        poll_fn(|context| {
            // What has changed since is seen before it is waited for.
            let is_idle = self.stack.visit(|core| {
                let shared = self.borrow();
                let mut links = shared.links.iter().enumerate();
                let slot = core.udp.get(socket.index());
                let is_idle = slot.is_none_or(|slot| slot.received.is_empty())
                    && !shared.has_changed
                    && links.all(|(number, link)| {
                        *link == shared.seen(number, look(core, number as InterfaceId))
                    });
                if is_idle {
                    core.wait(WaitKey::udp(socket.index()), context.waker());
                    core.wait(WaitKey::MDNS, context.waker());
                    core.wait(WaitKey::LINKS, context.waker());
                }
                is_idle
            });
            match is_idle {
                true => sleep.as_mut().poll(context),
                false => Poll::Ready(()),
            }
        })
        .await;
    }

    /// Does all that is to be done now; says when there is more to do.
    #[inline(never)]
    fn work(&self, socket: &UdpSocket<'_>) -> Instant {
        let now = self.stack.now();
        self.within(socket, now, |shared, around| {
            shared.has_changed = false;
            for number in 0..LINKS {
                let link = look(around.core, number as InterfaceId);
                let link = shared.seen(number, link);
                if let Some(old) = shared.links.get(number) {
                    join(around, number as InterfaceId, (old, &link));
                }
                shared.look(now, number, link, around);
            }
        });
        let is_more = (0..BATCH).all(|_| self.receive(socket, now));
        self.within(socket, now, |shared, around| {
            let deadline = shared.step(now, around);
            if core::mem::take(&mut shared.has_news) {
                around.core.waiters.wake(WaitKey::MDNS_NEWS);
            }
            if is_more { now } else { deadline }
        })
    }

    /// Lets the machines work, with the stack around them.
    fn within<R>(
        &self,
        socket: &UdpSocket<'_>,
        now: Instant,
        work: impl FnOnce(&mut Shared, &mut Surroundings<'_, '_>) -> R,
    ) -> R {
        self.stack.visit(|core| {
            let shared = &mut *self.borrow();
            let mut around = Surroundings {
                core,
                socket: socket.index(),
                counters: shared.counters,
                asked_unicast: 0,
            };
            let result = work(shared, &mut around);
            note(shared, now, &mut around);
            result
        })
    }

    /// Takes one datagram in; false if there is none.
    #[inline(never)]
    fn receive(&self, socket: &UdpSocket<'_>, now: Instant) -> bool {
        // Not in the future: it is needed for no longer than this call.
        let mut bytes = [0; config::MDNS_MESSAGE];
        let Some((length, info)) = socket.try_recv_from(&mut bytes) else {
            return false;
        };
        let Ok(source) = IpAddress::try_from(info.source.ip()) else {
            return true;
        };
        self.within(socket, now, |shared, around| {
            let is_on_link = (around.core.path(source, None, Some(info.interface)))
                .is_some_and(|path| path.next_hop == source);
            let origin = Origin {
                link: info.interface.into(),
                version: Version::of(&source),
                source: info.source,
                is_multicast: info.destination.is_multicast(),
                is_on_link,
                is_cut: info.length > length,
            };
            shared.receive(now, &origin, bytes.get(..length).unwrap_or(&[]), around);
        });
        true
    }
}

/// Takes over what was counted while messages were sent.
fn note(shared: &mut Shared, now: Instant, around: &mut Surroundings<'_, '_>) {
    (shared.counters.sent, shared.counters.not_sent) =
        (around.counters.sent, around.counters.not_sent);
    for (number, asked) in shared.asked_unicast.iter_mut().enumerate() {
        if around.asked_unicast >> number & 1 != 0 {
            *asked = now;
        }
    }
}

/// Listens to the groups of a link that can be heard since it has changed.
fn join(around: &mut Surroundings<'_, '_>, id: InterfaceId, (old, new): (&Link, &Link)) {
    let groups = [
        (Version::V4, IpAddr::from(GROUP4)),
        (Version::V6, GROUP6.into()),
    ];
    for (version, group) in groups {
        if new.carries(version) && !old.carries(version) {
            let member = Member::udp(around.socket);
            let joined = (around.core).group_membership(group, id, member, true);
            if let Err(_error) = joined {
                warning!("no room for the group of multicast DNS on interface {}", id);
            }
        }
    }
}

/// What an interface is now.
fn look(core: &Core<'_>, id: InterfaceId) -> Link {
    let Some(interface) = core.interface(id) else {
        return Link::DOWN;
    };
    if !interface.is_up() || interface.is_loopback() {
        return Link::DOWN;
    }
    let mut addresses = Vec::new();
    #[cfg(feature = "ipv4")]
    for cidr in interface.ipv4() {
        // There is room for all of both versions.
        let _: Result<(), IpAddress> = addresses.push(cidr.address.into());
    }
    #[cfg(feature = "ipv6")]
    for entry in interface.ipv6.iter().filter(|entry| entry.is_assigned()) {
        let _: Result<(), IpAddress> = addresses.push(entry.address.into());
    }
    Link {
        addresses,
        most: interface.mtu().saturating_sub(HEADERS),
    }
}
