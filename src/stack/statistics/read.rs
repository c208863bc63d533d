//! The numbers in an order, so that they can be read one by one.

use super::super::core::{Core, InterfaceId};
use super::{Statistic, StatisticPath};
use crate::iface::{Interface, ReceiveDrop, SendDrop};

/// A number that is still without its interface.
struct Number {
    group: &'static str,
    part: &'static str,
    name: &'static str,
    value: u64,
    is_gauge: bool,
}

impl Number {
    /// One that counts.
    const fn counted(
        group: &'static str,
        part: &'static str,
        name: &'static str,
        value: u64,
    ) -> Self {
        Self {
            group,
            part,
            name,
            value,
            is_gauge: false,
        }
    }

    /// One of a list of those of a group that count.
    fn count(group: &'static str, list: &[(&'static str, u32)], place: usize) -> Option<Self> {
        let (name, value) = list.get(place)?;
        Some(Self::counted(group, "", name, u64::from(*value)))
    }

    /// One of a list of those of a group that say how much there is.
    fn gauge(group: &'static str, list: &[(&'static str, usize)], place: usize) -> Option<Self> {
        let (name, value) = list.get(place)?;
        Some(Self {
            is_gauge: true,
            ..Self::counted(group, "", name, *value as u64)
        })
    }
}

/// Numbers that belong together, of an interface: the one at a place.
type OfInterface = fn(&Core<'_>, &Interface<'_>, usize) -> Option<Number>;
/// The same of what interfaces share.
type OfStack = fn(&Core<'_>, usize) -> Option<Number>;

/// What there is of each interface.
const OF_INTERFACE: &[OfInterface] = &[
    |_, interface, place| passed(interface.statistics.received.at(place)?, "received"),
    |_, interface, place| passed(interface.statistics.sent.at(place)?, "sent"),
    |_, interface, place| sent_by_class(interface, place),
    |_, interface, place| dropped(interface, place),
    |_, interface, place| unsent(interface, place),
    #[cfg(neighbors)]
    |_, interface, place| neighbor_counts(interface, place),
    #[cfg(neighbors)]
    neighbors,
    #[cfg(feature = "dad")]
    |_, interface, place| addresses(interface, place),
    #[cfg(feature = "ra-server")]
    |_, interface, place| advertiser(interface, place),
    |_, interface, place| port(interface, place),
];

/// What there is of all of them together.
const OF_STACK: &[OfStack] = &[
    #[cfg(feature = "udp")]
    udp,
    #[cfg(feature = "tcp")]
    |core, place| {
        let (group, name, value) = core.statistics.at(place)?;
        Some(Number::counted(group, "", name, value))
    },
    #[cfg(feature = "tcp")]
    tcp,
    ip,
    pool_counts,
    pool,
];

impl Core<'_> {
    /// The number at a place, which moves on to the next.
    #[cold]
    pub(super) fn next_statistic(
        &self,
        interface: &mut InterfaceId,
        section: &mut usize,
        place: &mut usize,
    ) -> Option<Statistic> {
        loop {
            let is_interfaces = usize::from(*interface) < self.interfaces.len();
            let id = is_interfaces.then_some(*interface);
            let number = match id {
                Some(id) => match (OF_INTERFACE.get(*section), self.interface(id)) {
                    (Some(section), Some(interface)) => section(self, interface, *place),
                    _ => {
                        // The next interface, or what they share.
                        *interface = id.saturating_add(1);
                        (*section, *place) = (0, 0);
                        continue;
                    }
                },
                None => OF_STACK.get(*section)?(self, *place),
            };
            let Some(number) = number else {
                *section += 1;
                *place = 0;
                continue;
            };
            *place += 1;
            let Number {
                group,
                part,
                name,
                value,
                is_gauge,
            } = number;
            let interface = id;
            return Some(Statistic {
                path: StatisticPath {
                    interface,
                    group,
                    part,
                    name,
                },
                value,
                is_gauge,
            });
        }
    }
}

fn passed(
    (group, name, value): (&'static str, &'static str, u64),
    part: &'static str,
) -> Option<Number> {
    Some(Number::counted(group, part, name, value))
}

fn sent_by_class(interface: &Interface<'_>, place: usize) -> Option<Number> {
    // As many as there may be of `TRAFFIC_CLASSES`.
    const NAMES: [&str; 8] = [
        "class_0", "class_1", "class_2", "class_3", "class_4", "class_5", "class_6", "class_7",
    ];
    let frames = interface.statistics.sent_by_class.get(place)?;
    let (name, frames) = (NAMES.get(place)?, u64::from(*frames));
    Some(Number::counted("link", "sent", name, frames))
}

fn dropped(interface: &Interface<'_>, place: usize) -> Option<Number> {
    let reason = *ReceiveDrop::ALL.get(place)?;
    let (group, name) = reason.name();
    let frames = interface.counters.receive_drops(reason).into();
    Some(Number::counted(group, "dropped", name, frames))
}

fn unsent(interface: &Interface<'_>, place: usize) -> Option<Number> {
    let reason = *SendDrop::ALL.get(place)?;
    let packets = interface.counters.send_drops(reason).into();
    Some(Number::counted("link", "unsent", reason.name(), packets))
}

#[cfg(neighbors)]
fn neighbor_counts(interface: &Interface<'_>, place: usize) -> Option<Number> {
    let crate::iface::neighbor::NeighborCounters {
        created,
        replaced,
        refused,
        solicitations,
        probes,
        resolved,
        unreachable,
        packets_dropped,
        packets_unreachable,
        bad_addresses,
    } = *interface.neighbors.counters();
    let list = [
        ("created", created),
        ("replaced", replaced),
        ("refused", refused),
        ("solicitations", solicitations),
        ("probes", probes),
        ("resolved", resolved),
        ("unreachable", unreachable),
        ("packets_dropped", packets_dropped),
        ("packets_unreachable", packets_unreachable),
        ("bad_addresses", bad_addresses),
    ];
    Number::count("neighbors", &list, place)
}

#[cfg(neighbors)]
fn neighbors(core: &Core<'_>, interface: &Interface<'_>, place: usize) -> Option<Number> {
    let all = || interface.neighbors.iter(core.now);
    let list = [
        ("entries", all().count()),
        ("packets_waiting", all().map(|entry| entry.pending).sum()),
    ];
    Number::gauge("neighbors", &list, place)
}

#[cfg(feature = "dad")]
fn addresses(interface: &Interface<'_>, place: usize) -> Option<Number> {
    let crate::iface::AddressCounters {
        duplicates,
        looped,
        refused,
    } = interface.addresses.counters;
    let list = [
        ("duplicates", duplicates),
        ("looped", looped),
        ("refused", refused),
    ];
    Number::count("addresses", &list, place)
}

#[cfg(feature = "ra-server")]
fn advertiser(interface: &Interface<'_>, place: usize) -> Option<Number> {
    let crate::iface::AdvertisingCounters { sent, inconsistent } =
        interface.advertiser.as_ref()?.counters;
    let list = [("sent", sent), ("inconsistent", inconsistent)];
    Number::count("advertiser", &list, place)
}

fn port(interface: &Interface<'_>, place: usize) -> Option<Number> {
    let crate::link::PortStats {
        received,
        receive_full,
        receive_errors,
        sent,
        send_errors,
        send_full,
    } = interface.port.stats();
    let list = [
        ("received", received),
        ("receive_full", receive_full),
        ("receive_errors", receive_errors),
        ("sent", sent),
        ("send_errors", send_errors),
        ("send_full", send_full),
    ];
    Number::count("port", &list, place)
}

#[cfg(feature = "udp")]
fn udp(core: &Core<'_>, place: usize) -> Option<Number> {
    let sum = |of: fn(&crate::udp::UdpSlot) -> usize| core.udp.open_slots().map(of).sum();
    let list = [
        ("sockets", core.udp.open_slots().count()),
        ("datagrams_queued", sum(|slot| slot.received.len())),
        ("octets_queued", sum(|slot| slot.held_bytes as usize)),
    ];
    Number::gauge("udp", &list, place)
}

#[cfg(feature = "tcp")]
fn tcp(core: &Core<'_>, place: usize) -> Option<Number> {
    use crate::tcp::{TcpState, connection::Connection};

    let all = || core.tcp.iter().map(|(_, connection)| connection);
    let up = |connection: &&Connection| {
        matches!(
            connection.state,
            TcpState::Established | TcpState::CloseWait
        )
    };
    let list = [
        ("connections", all().count()),
        // RFC 4022 §4: tcpCurrEstab.
        ("established", all().filter(up).count()),
        ("handshakes", core.half_open.len()),
        ("time_wait", core.time_wait.count(core.now)),
        ("octets_unread", all().map(|c| c.received.len()).sum()),
        (
            "octets_unacknowledged",
            all().map(|c| c.to_send.len()).sum(),
        ),
    ];
    Number::gauge("tcp", &list, place)
}

fn ip(core: &Core<'_>, place: usize) -> Option<Number> {
    let list = [
        ("routes", core.routes().count()),
        #[cfg(feature = "fragmentation")]
        ("reassemblies", core.reassemblies.len()),
        #[cfg(feature = "fragmentation")]
        ("blocks_in_reassembly", core.reassemblies.views().into()),
    ];
    Number::gauge("ip", &list, place)
}

fn pool_counts(core: &Core<'_>, place: usize) -> Option<Number> {
    let stats = core.pool.stats();
    let list = [
        ("receive_failures", stats.receive_failures),
        ("send_failures", stats.send_failures),
        ("header_failures", stats.header_failures),
        ("control_failures", stats.control_failures),
        ("view_failures", stats.view_failures),
        ("held_failures", stats.held_failures),
    ];
    Number::count("pool", &list, place)
}

fn pool(core: &Core<'_>, place: usize) -> Option<Number> {
    let stats = core.pool.stats();
    let list = [
        ("blocks", stats.blocks),
        ("blocks_used", stats.blocks_used),
        ("blocks_low", stats.blocks_low),
        ("headers", stats.headers),
        ("headers_used", stats.headers_used),
        ("headers_low", stats.headers_low),
        ("views", stats.views),
        ("views_used", stats.views_used),
        ("views_low", stats.views_low),
        ("held", stats.held),
        ("sent", stats.sent),
    ];
    let list = list.map(|(name, value)| (name, value.into()));
    Number::gauge("pool", &list, place)
}
