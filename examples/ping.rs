//! Two hosts on a wire; one pings the other. There is no executor and no real time: a loop polls
//! the stacks and moves a clock, so every run is the same.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};

use zonda::drivers::wire::{Station, Wire};
use zonda::iface::Ipv4Cidr;
use zonda::link::{Capabilities, Port};
use zonda::netbuf::NetBufPool;
use zonda::socket::Ping;
use zonda::stack::{ManualClock, StackCell, StackStorage};
use zonda::time::Instant;

// 32 blocks of 256 bytes for each host.
static HERE: NetBufPool<32, 256> = NetBufPool::new();
static THERE: NetBufPool<32, 256> = NetBufPool::new();

fn main() -> Result<(), Box<dyn Error>> {
    let clock = ManualClock::new();
    let ports = [
        Port::new(Capabilities::ethernet([2, 0, 0, 0, 0, 1])),
        Port::new(Capabilities::ethernet([2, 0, 0, 0, 0, 2])),
    ];
    let [(here_driver, here_end), (there_driver, there_end)] = ports.each_ref().map(Port::split);
    let wire = Wire::new([
        Station::new(here_driver, HERE.pool()),
        Station::new(there_driver, THERE.pool()),
    ]);

    // Here: no UDP socket, one interface. The seed of a device comes from its entropy source.
    let mut storage = StackStorage::<1, 0>::new();
    let cell = StackCell::new(&mut storage, HERE.pool(), [1; 32], &clock);
    let here = cell.stack();
    let interface = here.attach(here_end)?;
    // Both know that nobody else is on the wire, so they need not ask first.
    #[cfg(feature = "acd")]
    let _: bool = here.set_conflict_detection(interface, zonda::iface::ConflictDetection::Off);
    here.add_ipv4(interface, Ipv4Cidr::new(Ipv4Addr::new(192, 0, 2, 1), 24))?;

    let mut storage = StackStorage::<1, 0>::new();
    let cell = StackCell::new(&mut storage, THERE.pool(), [2; 32], &clock);
    let there = cell.stack();
    let target = Ipv4Addr::new(192, 0, 2, 2);
    let interface = there.attach(there_end)?;
    #[cfg(feature = "acd")]
    let _: bool = there.set_conflict_detection(interface, zonda::iface::ConflictDetection::Off);
    there.add_ipv4(interface, Ipv4Cidr::new(target, 24))?;

    // The stacks learn that their links are up.
    let _ = (here.poll(), there.poll());
    let ping = Ping::new(here)?;
    for sequence in 1..=3 {
        ping.try_send(IpAddr::V4(target), sequence, b"Is anybody there?")?;
        let answer = (1..=100).find_map(|millisecond| {
            clock.set(Instant::from_millis(
                1_000 * u64::from(sequence) + millisecond,
            ));
            let _ = (here.poll(), wire.step(), there.poll(), wire.step());
            ping.try_recv()
        });
        let answer = answer.ok_or("no answer")??;
        println!(
            "{}: answer {}, {} bytes",
            answer.source,
            answer.sequence,
            answer.data.len()
        );
    }
    Ok(())
}
