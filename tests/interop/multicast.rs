//! A Linux bridge as the querier, and as the switch that learns our groups by snooping.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as LinuxSocket};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use async_io::Timer;
use zonda::iface::{FilterMode, Ipv4Cidr};
use zonda::netbuf::NetBufPool;
use zonda::socket::UdpSocket;
use zonda::stack::{InterfaceId, Stack};

use crate::namespace::{ip, run};
use crate::stack::{on_tap, until};

const OURS: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
const LINUX: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const PORT: u16 = 7000;
const ANY: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), PORT);

/// A group of each version of IP, which the bridge does not flood.
const GROUPS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(239, 1, 2, 3)),
    IpAddr::V6(Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 7, 1)),
];

/// A bridge that asks for groups in these versions of IGMP and MLD, with our interface as a port.
/// Its timers are short.
fn bridge(igmp: u8, mld: u8) {
    ip(&format!(
        "link add name bridge type bridge mcast_snooping 1 mcast_router 0 \
         mcast_query_use_ifaddr 1 mcast_igmp_version {igmp} mcast_mld_version {mld} \
         mcast_startup_query_interval 50 mcast_startup_query_count 10 \
         mcast_query_response_interval 20 mcast_last_member_interval 20"
    ));
    // How long it waits before it believes that it knows all groups goes by the interval before.
    ip("link set bridge type bridge mcast_querier 1");
    ip("address add 10.9.0.1/24 dev bridge");
    ip("address add fe80::1/64 dev bridge nodad");
    ip("link set zonda0 master bridge up");
    ip("link set bridge up");
}

/// Runs `script` beside a stack on `zonda0`.
fn with_stack(script: impl AsyncFn(Stack<'_>, InterfaceId)) {
    static POOL: NetBufPool<64, 512> = NetBufPool::new();
    on_tap::<0>(POOL.pool(), async |stack, id| {
        stack.add_ipv4(id, Ipv4Cidr::new(OURS, 24)).unwrap();
        script(stack, id).await;
    });
}

/// What the bridge knows of a group at our port.
fn known(group: IpAddr) -> Option<String> {
    let all = run("bridge -d mdb show dev bridge");
    let wanted = format!("port zonda0 grp {group} temp ");
    let line = all.lines().find(|line| line.contains(&wanted))?;
    Some(line.into())
}

/// What tcpdump prints, line by line.
struct Wire {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Wire {
    fn watch() -> Self {
        let mut child = Command::new("tcpdump")
            .args(["-l", "-n", "-v", "-i", "zonda0", "igmp or ip6"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (out, to) = (child.stdout.take().unwrap(), lines.clone());
        let _: thread::JoinHandle<()> = thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                to.lock().unwrap().push(line);
            }
        });
        Self { child, lines }
    }

    fn has(&self, wanted: &str) -> bool {
        let lines = self.lines.lock().unwrap();
        lines.iter().any(|line| line.contains(wanted))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The bridge learns what we join and leave, and `words` are what tcpdump calls our reports.
fn joins_and_leaves(igmp: u8, mld: u8, words: [&'static str; 2], leaves: [&'static str; 2]) {
    with_stack(async |stack, id| {
        bridge(igmp, mld);
        let wire = Wire::watch();
        let query = [
            format!("igmp query v{igmp}"),
            String::from("multicast listener query"),
        ];
        for query in query {
            until(&query, || wire.has(&query)).await;
        }
        // Its first queries are answered with what there is: the group of our address.
        let socket = UdpSocket::bind(stack, ANY).unwrap();
        for ((group, word), leave) in GROUPS.into_iter().zip(words).zip(leaves) {
            assert_eq!(known(group), None);
            socket.join(group, id).unwrap();
            until("the bridge knows the group", || known(group).is_some()).await;
            until(word, || wire.has(word)).await;
            socket.leave(group, id).unwrap();
            until("the bridge knows it no longer", || known(group).is_none()).await;
            until(leave, || wire.has(leave)).await;
        }
    });
}

#[test]
fn bridge_learns_groups_in_the_newest_versions() {
    in_namespace!("bridge", "tcpdump");
    joins_and_leaves(
        3,
        2,
        [
            "igmp v3 report, 1 group record(s) [gaddr 239.1.2.3 to_ex",
            "[gaddr ff05::7:1 to_ex",
        ],
        [
            "igmp v3 report, 1 group record(s) [gaddr 239.1.2.3 to_in",
            "[gaddr ff05::7:1 to_in",
        ],
    );
}

#[test]
fn bridge_learns_groups_in_older_versions() {
    in_namespace!("bridge", "tcpdump");
    joins_and_leaves(
        2,
        1,
        [
            "igmp v2 report 239.1.2.3",
            "multicast listener reportmax resp delay: 0 addr: ff05::7:1",
        ],
        [
            "igmp leave 239.1.2.3",
            "multicast listener donemax resp delay: 0 addr: ff05::7:1",
        ],
    );
}

#[test]
fn bridge_learns_which_sources_are_wanted() {
    in_namespace!("bridge");
    with_stack(async |stack, id| {
        bridge(3, 2);
        let socket = UdpSocket::bind(stack, ANY).unwrap();
        let sources: [[IpAddr; 2]; 2] = [
            ["10.9.0.7".parse().unwrap(), "10.9.0.8".parse().unwrap()],
            ["fd09::7".parse().unwrap(), "fd09::8".parse().unwrap()],
        ];
        for (group, sources) in GROUPS.into_iter().zip(sources) {
            for source in sources {
                socket.join_source(group, source, id).unwrap();
            }
            let names = |line: &str, wanted: &[IpAddr]| {
                let mut all = wanted.iter();
                all.all(|source| line.contains(&format!("{source}/")))
            };
            until("both sources are known", || {
                known(group).is_some_and(|line| {
                    line.contains("filter_mode include") && names(&line, &sources)
                })
            })
            .await;
            let none = FilterMode::Exclude;
            socket
                .set_source_filter(group, id, none, &sources[..1])
                .unwrap();
            until("one source is blocked", || {
                known(group).is_some_and(|line| {
                    line.contains("filter_mode exclude") && names(&line, &sources[..1])
                })
            })
            .await;
            socket.leave(group, id).unwrap();
        }
    });
}

/// A bridge that snoops lets a group through to those who have said that they want it, and after
/// its queries still.
#[test]
fn what_is_sent_to_a_group_passes_the_bridge_while_it_is_joined() {
    in_namespace!("bridge");
    with_stack(async |stack, id| {
        bridge(3, 2);
        let socket = UdpSocket::bind(stack, ANY).unwrap();
        let linux = LinuxSocket::bind((LINUX, 0)).unwrap();
        let group = GROUPS[0];
        let drops = || {
            let counters = stack.counters(id).unwrap();
            counters.receive_drops(zonda::iface::ReceiveDrop::Ipv4Destination)
        };
        socket.join(group, id).unwrap();
        until("the bridge knows the group", || known(group).is_some()).await;
        until("a datagram comes", || {
            let _: usize = linux.send_to(b"to the group", (group, PORT)).unwrap();
            socket.try_recv().is_some()
        })
        .await;
        socket.leave(group, id).unwrap();
        until("the bridge knows it no longer", || known(group).is_none()).await;
        // What was sent before is still to come.
        let _: Instant = Timer::after(Duration::from_millis(200)).await;
        let before = drops();
        for _ in 0..20 {
            let _: usize = linux.send_to(b"to the group", (group, PORT)).unwrap();
        }
        let _: Instant = Timer::after(Duration::from_millis(200)).await;
        // Linux itself may say something to another group meanwhile.
        assert!(drops() - before < 5, "the bridge has kept it from us");
    });
}
