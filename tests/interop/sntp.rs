//! The SNTP client and server of this process on a TAP interface, and chrony and ntpsec.

use std::env;
use std::io::Write;
use std::net::SocketAddr;
use std::process::{self, Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use embassy_futures::select::{Either, select};
use zonda::netbuf::NetBufPool;
use zonda::proto::sntp::{
    Leap, SntpClient, SntpConfig, SntpError, SntpServer, UnixTime, WallClock, WallTime,
};
use zonda::stack::Stack;
use zonda::time::Duration;

use crate::demo::{DEVICE4, DEVICE6};
use crate::stack::{beside_linux, until};

/// A file of a peer's.
fn file(name: &str) -> String {
    let file = env::temp_dir().join(format!("zonda-{name}-{}", process::id()));
    file.display().to_string()
}

/// `chronyd` with these lines of configuration. It touches no clock, and ends with the test.
struct Chronyd(Child);

impl Chronyd {
    fn start(options: &[&str], lines: &str) -> Self {
        let mut child = Command::new("chronyd")
            .args(["-x", "-d", "-u", "root"])
            .args(options)
            .args(["-f", "/dev/stdin"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let fixed = format!("cmdport 0\nbindcmdaddress /\npidfile {}\n", file("chrony"));
        input
            .write_all(format!("{fixed}{lines}").as_bytes())
            .unwrap();
        Self(child)
    }
}

impl Drop for Chronyd {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait().unwrap();
    }
}

/// `ntpd` of ntpsec with these lines of configuration. It may touch no clock, and ends with the test.
struct Ntpd(Child);

impl Ntpd {
    fn start(lines: &str) -> Self {
        let config = file("ntpd.conf");
        std::fs::write(&config, format!("disable ntp\nrestrict default\n{lines}")).unwrap();
        let ntpd = Command::new("setpriv")
            .args(["--bounding-set", "-sys_time", "ntpd", "-n"])
            .args(["-c", &config, "-p", &file("ntpd")])
            .spawn()
            .unwrap();
        Self(ntpd)
    }
}

impl Drop for Ntpd {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        let _ = self.0.wait().unwrap();
        for name in ["ntpd", "ntpd.conf"] {
            // It may not have come to write it.
            let _ = std::fs::remove_file(file(name));
        }
    }
}

static POOL: NetBufPool<64, 512> = NetBufPool::new();

/// What the peers are told that they are.
const STRATUM: u8 = 3;

fn system_time() -> UnixTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixTime::new(now.as_secs() as i64, now.subsec_nanos())
}

/// Asks until there is an answer other than that nobody listens yet.
async fn ask(client: &SntpClient<'_, '_>, at: &str) -> Result<UnixTime, SntpError> {
    loop {
        match client
            .query(SocketAddr::new(at.parse().unwrap(), 123))
            .await
        {
            Err(SntpError::Unreachable(_) | SntpError::Timeout) => {}
            Err(error) => return Err(error),
            Ok(sample) => {
                println!("{sample:?}");
                assert_eq!((sample.stratum, sample.leap), (STRATUM, Leap::None));
                return Ok(sample.time);
            }
        }
    }
}

/// Has the time from the peer, over both IP versions.
fn is_told_the_time<P>(peer: impl Fn() -> P) {
    beside_linux::<0>(POOL.pool(), async |stack| {
        let _peer = peer();
        let config = SntpConfig {
            timeout: Duration::from_secs(1),
            ..SntpConfig::default()
        };
        for address in ["10.9.0.1", "fd09::1"] {
            let client = SntpClient::new(stack, config);
            let time = loop {
                match ask(&client, address).await {
                    // It has only just been started.
                    Err(SntpError::Unsynchronized | SntpError::Refused(_)) => {
                        stack.sleep(Duration::from_millis(500)).await;
                    }
                    other => break other.unwrap(),
                }
            };
            let error = time.micros_since(system_time());
            assert!(error.abs() < 100_000, "{error} µs");
        }
    });
}

/// Refuses what the peer, which does not know the time, says.
fn refuses<P>(peer: impl Fn() -> P) {
    beside_linux::<0>(POOL.pool(), async |stack| {
        let _peer = peer();
        let client = SntpClient::new(stack, SntpConfig::default());
        let error = ask(&client, "10.9.0.1").await.unwrap_err();
        println!("{error:?}");
        assert!(matches!(
            error,
            SntpError::Unsynchronized | SntpError::Refused(_)
        ));
        assert_eq!(client.now(), None);
    });
}

#[test]
fn chrony_tells_the_time() {
    in_namespace!("chronyd");
    is_told_the_time(|| Chronyd::start(&[], &format!("local stratum {STRATUM}\nallow all\n")));
}

#[test]
fn chrony_that_does_not_know_the_time_is_refused() {
    in_namespace!("chronyd");
    refuses(|| Chronyd::start(&[], "allow all\n"));
}

#[test]
fn ntpsec_tells_the_time() {
    in_namespace!("ntpd", "setpriv");
    is_told_the_time(|| Ntpd::start(&format!("tos orphan {STRATUM} orphanwait 1\n")));
}

#[test]
fn ntpsec_that_does_not_know_the_time_is_refused() {
    in_namespace!("ntpd", "setpriv");
    refuses(|| Ntpd::start(""));
}

/// The clock of this machine, by two minutes and a half ahead.
struct Ahead;

const AHEAD: Duration = Duration::from_secs(150);

impl WallClock for Ahead {
    fn read(&self) -> Option<WallTime> {
        let now = system_time().plus(AHEAD);
        Some(WallTime {
            now,
            set: now,
            stratum: 1,
            reference: *b"GPS\0",
            leap: Leap::None,
        })
    }
}

#[test]
fn chrony_believes_the_server() {
    in_namespace!("chronyd");
    beside_linux::<0>(POOL.pool(), async |stack: Stack<'_>| {
        let server = SntpServer::new(stack, &Ahead);
        let asked = async {
            for address in [DEVICE4, DEVICE6] {
                let mut said = Command::new("chronyd")
                    .args(["-Q", "-t", "20", "-u", "root"])
                    .args(["cmdport 0", "bindcmdaddress /"])
                    .arg(format!("pidfile {}", file("chrony")))
                    .arg(format!("server {address} iburst maxsamples 2"))
                    .stdin(Stdio::null())
                    .stderr(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()
                    .unwrap();
                until("chronyd has ended", || said.try_wait().unwrap().is_some()).await;
                let said = said.wait_with_output().unwrap();
                let said = [said.stdout, said.stderr].concat();
                let said = String::from_utf8_lossy(&said).into_owned();
                println!("{said}");
                // "System clock wrong by 150.000123 seconds (ignored)"
                let wrong = said.split("wrong by ").nth(1).expect("it has an opinion");
                let wrong: f64 = wrong.split(' ').next().unwrap().parse().unwrap();
                assert!((wrong - AHEAD.as_secs() as f64).abs() < 0.1, "{wrong}");
            }
        };
        match select(server.run(), asked).await {
            Either::First(ended) => panic!("the server ended: {ended:?}"),
            Either::Second(()) => assert!(server.counters().answered >= 2),
        }
    });
}
