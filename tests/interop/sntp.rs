//! The SNTP client and server of this process on a TAP interface, and chrony.

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

/// Where it writes its number, until it ends.
fn pid_file() -> String {
    let file = env::temp_dir().join(format!("zonda-chrony-{}", process::id()));
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
        let fixed = format!("cmdport 0\nbindcmdaddress /\npidfile {}\n", pid_file());
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

static POOL: NetBufPool<64, 512> = NetBufPool::new();

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
                assert_eq!((sample.stratum, sample.leap), (3, Leap::None));
                return Ok(sample.time);
            }
        }
    }
}

#[test]
fn chrony_tells_the_time() {
    in_namespace!("chronyd");
    beside_linux::<0>(POOL.pool(), async |stack| {
        let _chronyd = Chronyd::start(&[], "local stratum 3\nallow all\n");
        let config = SntpConfig {
            timeout: Duration::from_secs(1),
            ..SntpConfig::default()
        };
        for address in ["10.9.0.1", "fd09::1"] {
            let client = SntpClient::new(stack, config);
            let time = ask(&client, address).await.unwrap();
            let error = time.micros_since(system_time());
            assert!(error.abs() < 100_000, "{error} µs");
        }
    });
}

#[test]
fn chrony_that_does_not_know_the_time_is_refused() {
    in_namespace!("chronyd");
    beside_linux::<0>(POOL.pool(), async |stack| {
        let _chronyd = Chronyd::start(&[], "allow all\n");
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
                    .arg(format!("pidfile {}", pid_file()))
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
