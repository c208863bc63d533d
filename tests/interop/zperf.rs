//! The client and the server of zperf of this process on a TAP interface, and iperf 2.

use std::cell::RefCell;
use std::process::{Child, Command, Stdio};

use embassy_futures::select::{Either3, select3};
use zonda::netbuf::NetBufPool;
use zonda::proto::zperf::{
    self, Amount, Direction, End, Flow, Outcome, Report, Test, Transfer, ZperfError, ZperfServer,
    ZperfServerConfig,
};
use zonda::stack::{InterfaceId, Stack};
use zonda::time::Duration;

use crate::demo::{DEVICE4, DEVICE6};
use crate::namespace::ip;
use crate::stack::{join_linux, on_tap, until};

const LINUX: [&str; 2] = ["10.9.0.1", "fd09::1"];

/// Runs `script` beside Linux, with room for eight connections.
fn with_stack(script: impl AsyncFn(Stack<'_>, InterfaceId)) {
    static POOL: NetBufPool<128, 512, 32, 256> = NetBufPool::new();
    on_tap::<8>(POOL.pool(), async |stack, id| {
        join_linux(stack, id).await;
        ip("route add 239.0.0.0/8 dev zonda0");
        script(stack, id).await;
    });
}

fn iperf(arguments: &str) -> Child {
    Command::new("iperf")
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn output(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    println!("{said}");
    said
}

/// What an iperf that is a client says.
async fn client(arguments: &str) -> String {
    println!("iperf {arguments}");
    let mut child = iperf(arguments);
    until(arguments, || child.try_wait().unwrap().is_some()).await;
    let said = output(child);
    for complaint in ["WARN", "rror", "ailed", "refused"] {
        assert!(!said.contains(complaint), "{complaint}");
    }
    said
}

/// Runs `script` beside a server, and gives what was told of so many whole transfers.
async fn serve(
    stack: Stack<'_>,
    config: ZperfServerConfig,
    transfers: usize,
    script: impl Future<Output = ()>,
) -> Vec<Report> {
    let told = RefCell::new(Vec::new());
    let observer = |report: &Report| {
        println!("{report}");
        if report.end.is_some() {
            told.borrow_mut().push(*report);
        }
    };
    let script = async {
        script.await;
        until("all is told", || told.borrow().len() == transfers).await;
    };
    let server = ZperfServer::new(stack, config);
    match select3(server.udp(&observer), server.tcp(&observer), script).await {
        Either3::First(end) | Either3::Second(end) => panic!("the server has ended: {end:?}"),
        Either3::Third(()) => {}
    }
    let counters = server.counters();
    println!("{counters:?}");
    assert_eq!(
        (counters.malformed, counters.full, counters.refused),
        (0, 0, 0)
    );
    told.into_inner()
}

fn lossless(transfer: &Transfer) {
    let datagrams = transfer.datagrams.unwrap();
    assert_eq!((datagrams.lost, datagrams.duplicates), (0, 0), "{transfer}");
}

/// `(lost, sent)` of the report of the server that a client of iperf prints: "0.624 ms 0/174 (0%)".
fn server_report(said: &str) -> (u64, u64) {
    let report = said.split("Server Report:").nth(1);
    let (_, counts) = report.and_then(|rest| rest.split_once(" ms ")).unwrap();
    let (lost, rest) = counts.split_once('/').unwrap();
    let sent = rest.split('(').next().unwrap();
    (lost.trim().parse().unwrap(), sent.trim().parse().unwrap())
}

#[test]
fn iperf_sends_datagrams_and_believes_the_report() {
    in_namespace!("iperf");
    with_stack(async |stack, _| {
        for arguments in [
            format!("-c {DEVICE4} -u -b 2m -t 1"),
            format!("-V -c {DEVICE6} -u -b 2m -t 1 -l 1000"),
            format!("-c {DEVICE4} -u -b 1m -n 100000 -i 1"),
            format!("-c {DEVICE4} -u -b 1m -t 1 -l 60"),
            format!("-c {DEVICE4} -u -b 1m -t 1 --trip-times"),
        ] {
            let said = RefCell::new(String::new());
            let told = serve(stack, ZperfServerConfig::default(), 1, async {
                *said.borrow_mut() = client(&arguments).await;
            })
            .await;
            let [report] = told.try_into().unwrap();
            assert_eq!(
                (report.flow, report.end),
                (Flow::Received, Some(End::Complete))
            );
            lossless(&report.transfer);
            let sent = report.transfer.datagrams.unwrap().sent;
            assert_eq!(server_report(&said.borrow()), (0, sent));
        }
    });
}

#[test]
fn iperf_sends_and_receives_by_tcp() {
    in_namespace!("iperf");
    with_stack(async |stack, _| {
        for (arguments, transfers) in [
            (format!("-c {DEVICE4} -t 1"), 1),
            (format!("-V -c {DEVICE6} -t 1"), 1),
            (format!("-c {DEVICE4} -n 300000"), 1),
            (format!("-c {DEVICE4} -t 1 -e"), 1),
            (format!("-c {DEVICE4} -t 1 -P 3"), 3),
            (format!("-c {DEVICE4} -t 1 -R"), 1),
            (format!("-V -c {DEVICE6} -n 200000 -R"), 1),
            (format!("-c {DEVICE4} -t 1 --full-duplex"), 2),
            (format!("-c {DEVICE4} -t 1 -d -L 6001"), 2),
            (format!("-V -c {DEVICE6} -t 1 -r -L 6001"), 2),
        ] {
            let told = serve(stack, ZperfServerConfig::default(), transfers, async {
                let _: String = client(&arguments).await;
            })
            .await;
            for report in told {
                assert_eq!(report.end, Some(End::Complete), "{report}");
                assert!(report.transfer.bytes > 100_000, "{report}");
            }
        }
    });
}

#[test]
fn iperf_measures_datagrams_in_both_directions_and_several_streams() {
    in_namespace!("iperf");
    with_stack(async |stack, _| {
        for (arguments, transfers) in [
            (format!("-c {DEVICE4} -u -b 1m -t 1 -P 3"), 3),
            (format!("-c {DEVICE4} -u -b 1m -t 1 -R"), 1),
            (format!("-V -c {DEVICE6} -u -b 1m -t 1 -R"), 1),
            (format!("-c {DEVICE4} -u -b 1m -t 1 -d -L 6001"), 2),
            (format!("-V -c {DEVICE6} -u -b 1m -t 1 -r -L 6001"), 2),
        ] {
            let config = ZperfServerConfig {
                sends_datagrams: true,
                ..ZperfServerConfig::default()
            };
            let told = serve(stack, config, transfers, async {
                let _: String = client(&arguments).await;
            })
            .await;
            for report in told {
                assert!(report.transfer.bytes > 100_000, "{report}");
                lossless(&report.transfer);
            }
        }
    });
}

#[test]
fn iperf_sends_to_a_group_that_the_server_has_joined() {
    in_namespace!("iperf");
    with_stack(async |stack, id| {
        for (group, arguments) in [
            ("239.1.2.3", "-c 239.1.2.3 -u -b 1m -t 1"),
            ("ff15::7", "-V -c ff15::7 -u -b 1m -t 1"),
        ] {
            let config = ZperfServerConfig {
                group: Some((group.parse().unwrap(), id)),
                ..ZperfServerConfig::default()
            };
            let told = serve(stack, config, 1, async {
                let _: String = client(arguments).await;
            })
            .await;
            let [report] = told.try_into().unwrap();
            assert_eq!(report.end, Some(End::Complete));
            lossless(&report.transfer);
        }
    });
}

/// An iperf that serves. Dropped, it ends.
struct Server(Option<Child>);

impl Server {
    fn start(arguments: &str) -> Self {
        println!("iperf {arguments}");
        Self(Some(iperf(arguments)))
    }

    /// What it has said in all.
    fn end(mut self) -> String {
        let mut child = self.0.take().unwrap();
        let _ = child.kill();
        output(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn test(server: &str, direction: Direction) -> Test {
    let server = (server.parse::<std::net::IpAddr>().unwrap(), 5001).into();
    Test {
        direction,
        amount: Amount::Time(Duration::from_secs(1)),
        listen: 6001,
        ..Test::new(server)
    }
}

/// Tests until the server is there.
async fn measure(run: impl AsyncFn() -> Result<Outcome, ZperfError>, stack: Stack<'_>) -> Outcome {
    loop {
        match run().await {
            Err(ZperfError::Connect(_) | ZperfError::Unreachable(_)) => {
                stack.sleep(Duration::from_millis(50)).await;
            }
            result => {
                let outcome = result.unwrap();
                println!("{outcome}");
                return outcome;
            }
        }
    }
}

#[test]
fn client_sends_datagrams_to_iperf_and_gets_its_report() {
    in_namespace!("iperf");
    with_stack(async |stack, _| {
        for (server, arguments) in LINUX.into_iter().zip(["-s -u -y C", "-s -u -V -y C"]) {
            let iperf = Server::start(arguments);
            let plan = test(server, Direction::Upload);
            let run = async || zperf::udp(stack, &plan, &|_| {}).await;
            let outcome = measure(run, stack).await;
            let (sent, said) = (outcome.sent.unwrap(), outcome.server.unwrap());
            assert_eq!(said.bytes, sent.bytes);
            lossless(&said);
            let datagrams = said.datagrams.unwrap();
            assert_eq!(datagrams.sent, sent.datagrams.unwrap().sent);
            // It prints what it has told: "..., bytes, rate, jitter, lost, datagrams, ...".
            stack.sleep(Duration::from_millis(500)).await;
            let printed = iperf.end();
            let wanted = format!(",{},", sent.bytes);
            assert!(printed.contains(&wanted), "{wanted}");
            assert!(printed.contains(&format!(",0,{},", datagrams.sent)));
            assert!(!printed.contains("WARN"));
        }
    });
}

#[test]
fn client_measures_tcp_in_every_direction_against_iperf() {
    in_namespace!("iperf");
    with_stack(async |stack, _| {
        for (server, arguments) in LINUX.into_iter().zip(["-s", "-s -V"]) {
            for direction in [
                Direction::Upload,
                Direction::Download,
                Direction::FullDuplex,
                Direction::Dual,
                Direction::TradeOff,
            ] {
                // One that has sent does not always outlive it.
                let iperf = Server::start(arguments);
                let plan = test(server, direction);
                let run = async || zperf::tcp(stack, &plan, &|_| {}).await;
                println!("{direction:?}");
                let outcome = measure(run, stack).await;
                let sends = direction != Direction::Download;
                let receives = direction != Direction::Upload;
                assert_eq!(
                    (outcome.sent.is_some(), outcome.received.is_some()),
                    (sends, receives)
                );
                for transfer in [outcome.sent, outcome.received].into_iter().flatten() {
                    assert!(transfer.bytes > 100_000, "{transfer}");
                }
                let _: String = iperf.end();
            }
        }
    });
}

#[test]
fn client_measures_datagrams_in_other_directions_against_iperf() {
    in_namespace!("iperf");
    with_stack(async |stack, _| {
        for (server, arguments) in LINUX.into_iter().zip(["-s -u", "-s -u -V"]) {
            for direction in [Direction::Download, Direction::Dual, Direction::TradeOff] {
                // One that has sent over UDP does not always hear the next client.
                let iperf = Server::start(arguments);
                let plan = test(server, direction);
                let run = async || zperf::udp(stack, &plan, &|_| {}).await;
                println!("{direction:?}");
                let outcome = measure(run, stack).await;
                for transfer in [outcome.server, outcome.received].into_iter().flatten() {
                    assert!(transfer.bytes > 100_000, "{transfer}");
                    lossless(&transfer);
                }
                assert!(outcome.received.is_some());
                let printed = iperf.end();
                assert!(!printed.contains("WARN"));
            }
        }
    });
}

#[test]
fn iperf_receives_what_the_client_sends_to_a_group() {
    in_namespace!("iperf");
    with_stack(async |stack, id| {
        for (group, arguments) in [
            ("239.1.2.3", "-s -u -B 239.1.2.3 -y C"),
            ("ff15::7", "-s -u -V -B ff15::7 -y C"),
        ] {
            let iperf = Server::start(arguments);
            // Nobody says that it is there.
            stack.sleep(Duration::from_secs(1)).await;
            let plan = Test {
                interface: Some(id),
                ..test(group, Direction::Upload)
            };
            let outcome = zperf::udp(stack, &plan, &|_| {}).await.unwrap();
            let sent = outcome.sent.unwrap();
            assert_eq!(outcome.server, None);
            stack.sleep(Duration::from_secs(1)).await;
            let printed = iperf.end();
            assert!(printed.contains(&format!(",{},", sent.bytes)), "{sent}");
        }
    });
}
