//! A board in QEMU, on a TAP interface of the test's network namespace.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::UdpSocket;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::image;
use crate::namespace::{PATIENCE, ip, until};

/// The addresses that each board has, and those of Linux beside it.
pub const DEVICE4: &str = "192.0.2.2";
pub const DEVICE6: &str = "fd00::2";
const LINUX: [&str; 2] = ["192.0.2.1/24", "fd00::1/64 nodad"];
/// Where a board tells what it has in use.
pub const STATUS: u16 = 7001;

/// How a board is reached.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// By Ethernet, on a TAP interface.
    Tap,
    /// By its second UART, on a socket.
    Line,
}

/// What there is of a board.
pub struct Board {
    /// The package in `boards/`, which of its images, and its target.
    pub package: &'static str,
    pub image: &'static str,
    pub target: &'static str,
    /// QEMU and what it is to emulate.
    pub qemu: &'static str,
    pub machine: &'static [&'static str],
    pub link: Link,
    /// Blocks that the driver keeps with the device, to receive into.
    pub lent: u32,
}

impl Board {
    fn image(&self) -> PathBuf {
        image::path(self.target, self.image)
    }

    /// Builds the image; says why it cannot be built here.
    pub fn build(&self) -> Result<(), String> {
        image::build(self.package, self.target)
    }
}

/// A board that runs. It ends with the test.
pub struct Machine {
    qemu: Child,
    lines: Receiver<String>,
    monitor: UnixStream,
    /// Of QEMU's monitor, and of the board's line.
    socket: PathBuf,
    line: PathBuf,
    lent: u32,
}

impl Machine {
    /// Starts the board, on a `zonda0` that this makes if it is one with Ethernet, and waits until
    /// it is ready.
    pub fn start(board: &Board) -> Self {
        static MACHINES: AtomicU32 = AtomicU32::new(0);
        let number = MACHINES.fetch_add(1, Ordering::Relaxed);
        let [socket, line] = ["monitor", "line"].map(|name| {
            let path = format!("zonda-{name}-{}-{number}", std::process::id());
            let path = env::temp_dir().join(path);
            let _ = fs::remove_file(&path);
            path
        });
        let network = match board.link {
            Link::Tap => {
                make_tap();
                "-netdev tap,id=net,ifname=zonda0,script=no,downscript=no".into()
            }
            Link::Line => format!(
                "-nic none -chardev socket,id=line,path={},server=on,wait=off -serial chardev:line",
                line.display()
            ),
        };
        // Whatever becomes of the test, QEMU ends with it.
        let mut qemu = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", board.qemu])
            .args(board.machine)
            .args(["-display", "none", "-serial", "stdio", "-semihosting"])
            .args(network.split(' '))
            .args([
                "-monitor",
                &format!("unix:{},server=on,wait=off", socket.display()),
            ])
            .arg("-kernel")
            .arg(board.image())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("QEMU starts");
        let console = qemu.stdout.take().expect("it was asked for");
        let (sender, lines) = channel();
        let _ = thread::spawn(move || {
            for line in BufReader::new(console).lines().map_while(Result::ok) {
                println!("board: {line}");
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut monitor = None;
        until("QEMU listens", || {
            monitor = UnixStream::connect(&socket).ok();
            monitor.is_some()
        });
        let mut machine = Self {
            qemu,
            lines,
            monitor: monitor.expect("it has connected"),
            socket,
            line,
            lent: board.lent,
        };
        machine.prompt();
        let _: String = machine.wait_for("ready");
        machine
    }

    /// The socket of the board's line.
    pub fn line(&self) -> PathBuf {
        self.line.clone()
    }

    /// Waits until the board has written a line that begins so; gives the rest of it.
    #[track_caller]
    pub fn wait_for(&self, beginning: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("the board did not say \"{beginning}\"");
            };
            if let Some(rest) = line.trim_end().strip_prefix(beginning) {
                return rest.trim().into();
            }
        }
    }

    /// Plugs the board's cable in, or pulls it.
    pub fn set_link(&mut self, up: bool) {
        let state = if up { "on" } else { "off" };
        let command = format!("set_link net {state}\n");
        self.monitor.write_all(command.as_bytes()).unwrap();
        self.prompt();
    }

    /// Waits until QEMU's monitor has done what it was told.
    fn prompt(&mut self) {
        self.monitor.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut said = Vec::new();
        while !said.ends_with(b"(qemu) ") {
            let mut byte = [0];
            self.monitor.read_exact(&mut byte).expect("QEMU answers");
            said.extend(byte);
        }
    }

    /// What the board has in use, by name; nothing if it does not answer.
    pub fn status(&self) -> Status {
        let socket = UdpSocket::bind("192.0.2.1:0").unwrap();
        let patience = Duration::from_secs(1);
        socket.set_read_timeout(Some(patience)).unwrap();
        let _: usize = socket.send_to(b"?", (DEVICE4, STATUS)).unwrap();
        let mut text = [0; 1500];
        let length = socket.recv(&mut text).unwrap_or(0);
        read_status(&text[..length])
    }

    /// Checks that the board has given back all that it had taken.
    #[track_caller]
    pub fn assert_nothing_is_left(&self) {
        let mut last = HashMap::new();
        until("the pool of the board is whole", || {
            last = self.status();
            is_whole(&last, self.lent)
        });
        println!("board: {last:?}");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.qemu.kill().unwrap();
        let _ = self.qemu.wait().unwrap();
        let _ = fs::remove_file(&self.socket);
        let _ = fs::remove_file(&self.line);
    }
}

/// Makes `zonda0`, with the addresses of Linux.
fn make_tap() {
    ip("tuntap add zonda0 mode tap");
    for address in LINUX {
        ip(&format!("address add {address} dev zonda0"));
    }
    ip("link set lo up");
    ip("link set zonda0 up");
}

/// What a board has in use, by name.
pub type Status = HashMap<String, u32>;

/// Reads what a board answers.
pub fn read_status(text: &[u8]) -> Status {
    let text = String::from_utf8_lossy(text);
    let words = text.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    words
        .filter_map(|words| {
            let at = words.iter().position(|word| word.parse::<u32>().is_ok())?;
            Some((words[..at].join(" "), words[at].parse().ok()?))
        })
        .collect()
}

/// Whether a board has given back all that it had taken, but for the blocks that its driver keeps.
pub fn is_whole(status: &Status, lent: u32) -> bool {
    let used = ["headers", "views", "held", "sent"];
    status.get("blocks") == Some(&lent) && used.iter().all(|name| status.get(*name) == Some(&0))
}
