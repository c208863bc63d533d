//! Statistics: each number has a path, such as `if0.udp.received.datagrams` or `tcp.retransmitted`.

mod count;
mod read;

use super::core::{Core, InterfaceId};
use super::handle::Stack;
use crate::iface::InterfaceStatistics;
#[cfg(feature = "tcp")]
use crate::iface::TcpStatistics;
use crate::iface::{Counters, Interface};

/// The name of a number: words with dots between them.
///
/// `if0.link.received.octets`, `if0.udp.dropped.no_socket`, `tcp.retransmitted`, `pool.blocks_used`:
/// the interface, where the number is one interface's, what it is about, what became of it, where that
/// is not the number itself, and the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StatisticPath {
    /// The interface; none for what all of them share.
    pub interface: Option<InterfaceId>,
    /// What it is about: a protocol, or a part of the stack.
    pub group: &'static str,
    /// What became of the packets that are counted: `received`, `sent`, `dropped` (received, and of no
    /// use) or `unsent`. Empty where nothing is to be told apart.
    pub part: &'static str,
    /// What is counted, or why it was dropped.
    pub name: &'static str,
}

/// One number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Statistic {
    /// What it is called.
    pub path: StatisticPath,
    /// How much it is. Numbers of packets wrap at 2^32.
    pub value: u64,
    /// It says how much there is now, and goes up and down; others count.
    pub is_gauge: bool,
}

impl StatisticPath {
    /// The words behind that of the interface.
    fn words(&self) -> impl Iterator<Item = &'static str> {
        let words = [self.group, self.part, self.name].into_iter();
        words.filter(|word| !word.is_empty())
    }

    /// Whether this is what `path` names, or a part of that: without an interface it stands for all
    /// of them together.
    fn is_of(&self, path: &str) -> bool {
        let words = match interface_of(path) {
            Some((interface, _)) if self.interface != Some(interface) => return false,
            Some((_, words)) => words,
            None => path,
        };
        words.split('.').eq(self.words())
    }
}

/// The interface that a path begins with, and the rest.
fn interface_of(path: &str) -> Option<(InterfaceId, &str)> {
    let (number, words) = path.strip_prefix("if")?.split_once('.')?;
    Some((number.parse().ok()?, words))
}

impl core::fmt::Display for StatisticPath {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if let Some(interface) = self.interface {
            write!(f, "if{interface}.")?;
        }
        for word in [self.group, self.part] {
            if !word.is_empty() {
                f.write_str(word)?;
                f.write_str(".")?;
            }
        }
        f.write_str(self.name)
    }
}

/// The numbers one by one, as they are when each is reached: [`Stack::statistics`].
#[derive(Clone)]
pub struct Statistics<'a> {
    stack: Stack<'a>,
    interface: InterfaceId,
    section: usize,
    place: usize,
}

impl Iterator for Statistics<'_> {
    type Item = Statistic;

    fn next(&mut self) -> Option<Statistic> {
        let Self {
            stack,
            interface,
            section,
            place,
        } = self;
        // The core is borrowed for one at a time: what is done with it may use the stack.
        stack.visit(|core| core.next_statistic(interface, section, place))
    }
}

impl<'a> Stack<'a> {
    /// All numbers there are: of each interface, then of what they share.
    ///
    /// An exporter reads them one after the other, and needs no memory for them. Those of one
    /// interface at one moment are in [`Stack::interface_statistics`].
    pub const fn statistics(self) -> Statistics<'a> {
        Statistics {
            stack: self,
            interface: 0,
            section: 0,
            place: 0,
        }
    }

    /// The number that is called so: that of one interface (`if0.udp.received.datagrams`), of all
    /// interfaces together (`udp.received.datagrams`), or of what they share (`tcp.retransmitted`).
    /// `None` if there is none of this name.
    pub fn statistic(self, path: &str) -> Option<u64> {
        let of_path = self.statistics().filter(|one| one.path.is_of(path));
        of_path.map(|one| one.value).reduce(u64::wrapping_add)
    }

    /// What has passed an interface. Why packets were dropped is told by
    /// [`Stack::counters`].
    pub fn interface_statistics(self, id: InterfaceId) -> Option<InterfaceStatistics> {
        self.visit(|core| Some(core.interface(id)?.statistics))
    }

    /// What became of TCP connections.
    #[cfg(feature = "tcp")]
    pub fn tcp_statistics(self) -> TcpStatistics {
        self.visit(|core| core.statistics.tcp)
    }

    /// Lets all that is counted begin at zero again: the statistics, [`Stack::counters`] and those of
    /// neighbours and addresses, those of the ports, and of the pool its failures and low-water marks.
    pub fn reset_statistics(self) {
        self.visit(Core::reset_statistics);
    }
}

impl Core<'_> {
    #[cold]
    fn reset_statistics(&mut self) {
        #[cfg(feature = "tcp")]
        {
            self.statistics = Default::default();
        }
        for interface in self.interfaces.iter_mut().flatten() {
            interface.reset_statistics();
        }
        self.pool.reset_stats();
    }
}

impl Interface<'_> {
    fn reset_statistics(&mut self) {
        self.statistics = InterfaceStatistics::default();
        self.counters = Counters::NEW;
        #[cfg(neighbors)]
        self.neighbors.reset_counters();
        #[cfg(feature = "dad")]
        {
            self.addresses.counters = Default::default();
        }
        #[cfg(feature = "ra-server")]
        if let Some(advertiser) = &mut self.advertiser {
            advertiser.counters = Default::default();
        }
        self.port.reset_stats();
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    const PATH: StatisticPath = StatisticPath {
        interface: Some(12),
        group: "udp",
        part: "dropped",
        name: "no_socket",
    };

    #[test]
    fn a_path_is_words_with_dots() {
        assert_eq!(PATH.to_string(), "if12.udp.dropped.no_socket");
        let short = StatisticPath {
            interface: None,
            part: "",
            ..PATH
        };
        assert_eq!(short.to_string(), "udp.no_socket");
    }

    #[test]
    fn a_path_without_an_interface_stands_for_all_of_them() {
        assert!(PATH.is_of("if12.udp.dropped.no_socket"));
        assert!(PATH.is_of("udp.dropped.no_socket"));
        for other in [
            "if1.udp.dropped.no_socket",
            "if12.udp.no_socket",
            "if12.udp.dropped",
            "if300.udp.dropped.no_socket",
            "udp.dropped.no_socket.",
            "",
        ] {
            assert!(!PATH.is_of(other), "{other}");
        }
    }
}
