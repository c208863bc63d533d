//! The demo as a program: started, heard and stopped.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Instant;

use crate::namespace::{PATIENCE, ip, run, until};

pub const MAC: &str = "02:5a:4f:4e:44:41";
pub const DEVICE4: &str = "10.9.0.2";
pub const DEVICE6: &str = "fd09::2";

/// A demo that runs. Dropped, it is killed.
pub struct Demo {
    child: Child,
    lines: Receiver<String>,
    printed: Vec<String>,
}

/// The bridge beside a demo, in the namespace of that process.
pub struct Bridge(u32);

impl Bridge {
    fn inside(&self, command: &str) {
        let pid = self.0;
        let _: String = run(&format!("nsenter -t {pid} -n {command}"));
    }

    /// Loses so many frames in a hundred, both ways.
    pub fn lose(&self, percent: u32) {
        self.inside("nft flush chain bridge lossy pass");
        if percent > 0 {
            self.inside(&format!(
                "nft add rule bridge lossy pass numgen random mod 100 < {percent} drop"
            ));
        }
    }
}

/// What a demo had to say when it ended.
pub struct Report {
    pub status: ExitStatus,
    pub lines: Vec<String>,
}

/// Builds the demo as a user would, which is quick from the second time on.
pub fn build() -> PathBuf {
    // The test is in target/PROFILE/deps.
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let mut command = Command::new(env!("CARGO"));
    let _ = command
        .args(["build", "--locked", "--quiet", "--example", "demo"])
        .arg("--target-dir")
        .arg(profile.parent().unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        let _ = command.arg("--release");
    }
    let built = command.output().expect("cargo starts");
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "the demo does not build: {errors}");
    profile.join("examples/demo")
}

impl Demo {
    pub fn start(arguments: &str) -> Self {
        Self::spawn(Command::new(build()), arguments)
    }

    fn spawn(mut command: Command, arguments: &str) -> Self {
        let mut child = command
            .args(arguments.split_whitespace())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the demo starts");
        let (sender, lines) = channel();
        pass_on(child.stdout.take(), sender.clone());
        pass_on(child.stderr.take(), sender);
        Self {
            child,
            lines,
            printed: Vec::new(),
        }
    }

    /// A device on the TAP interface `zonda0`, and Linux beside it.
    pub fn on_tap(more: &str) -> Self {
        let mut demo = Self::start(&format!(
            "--tap zonda0 --ipv4 {DEVICE4}/24 --ipv6 {DEVICE6}/64 {more}"
        ));
        let _: String = demo.wait_for("link up on zonda0");
        join_tap();
        demo
    }

    /// A device in a network namespace of its own, where a bridge leads from its TAP interface to
    /// `zonda0` here.
    pub fn behind_bridge() -> (Self, Bridge) {
        let mut command = Command::new("unshare");
        let _ = command.arg("--net").arg(build());
        let arguments = format!("--tap tap0 --ipv4 {DEVICE4}/24 --ipv6 {DEVICE6}/64");
        let mut demo = Self::spawn(command, &arguments);
        let _: String = demo.wait_for("link up on tap0");
        let bridge = Bridge(demo.child.id());
        let pid = bridge.0;
        // Without segments of many kilobytes, which would be lost as a whole.
        ip(&format!(
            "link add name zonda0 gso_max_segs 1 type veth peer name peer netns {pid}"
        ));
        for arguments in [
            "link add name bridge type bridge",
            "link set peer master bridge up",
            "link set tap0 master bridge up",
            "link set bridge up",
        ] {
            bridge.inside(&format!("ip {arguments}"));
        }
        for command in [
            "nft add table bridge lossy",
            "nft add chain bridge lossy pass { type filter hook forward priority 0 ; }",
        ] {
            bridge.inside(command);
        }
        ip("link set zonda0 up");
        join_tap();
        (demo, bridge)
    }

    /// Waits until a line with `text` has been printed, and gives it.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.printed.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(why) => panic!("no `{text}` ({why}) in {:#?}", self.printed),
            }
        }
    }

    /// Asks the demo to stop, as Ctrl-C does, and checks that nothing is left in its pool.
    #[track_caller]
    pub fn stop(self) -> Report {
        self.stop_by("INT")
    }

    /// As [`Demo::stop`], by another signal.
    #[track_caller]
    pub fn stop_by(self, signal: &str) -> Report {
        let kill = format!("kill -{signal} {}", self.child.id());
        let killed = Command::new("sh").args(["-c", &kill]).status();
        assert!(killed.unwrap().success(), "{kill}");
        let report = self.ends();
        assert!(report.status.success(), "{:#?}", report.lines);
        report
    }

    /// Waits until the demo has ended by itself, and checks that nothing is left in its pool.
    #[track_caller]
    pub fn ends(mut self) -> Report {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.printed.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it hangs: {:#?}", self.printed),
            }
        }
        let report = Report {
            status: self.child.wait().unwrap(),
            lines: std::mem::take(&mut self.printed),
        };
        for what in ["  blocks of", "  header blocks", "  spare views"] {
            assert_eq!(report.number(what, "in use"), 0, "{:#?}", report.lines);
        }
        report.check_sums();
        report
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // An error: it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Report {
    /// The number behind `name` in the first line that begins with `start`.
    #[track_caller]
    pub fn number(&self, start: &str, name: &str) -> u64 {
        let line = self.lines.iter().find(|line| line.starts_with(start));
        let line = line.unwrap_or_else(|| panic!("no `{start}` in {:#?}", self.lines));
        number(line, name).unwrap_or_else(|| panic!("no `{name}` in {line}"))
    }

    /// Every received frame was accepted or dropped for a reason.
    #[track_caller]
    fn check_sums(&self) {
        let mut interfaces = 0;
        for (received, dropped) in self.lines.iter().zip(self.lines.iter().skip(1)) {
            let Some(reasons) = dropped.strip_prefix("  dropped: ") else {
                continue;
            };
            let counts = reasons
                .split(", ")
                .filter_map(|part| part.rsplit(' ').next());
            let drops: u64 = counts.filter_map(|count| count.parse::<u64>().ok()).sum();
            let accepted = number(received, "accepted").unwrap();
            assert_eq!(number(received, "received").unwrap(), accepted + drops);
            interfaces += 1;
        }
        assert!(interfaces > 0, "no counters in {:#?}", self.lines);
    }
}

fn number(line: &str, name: &str) -> Option<u64> {
    let (_, rest) = line.split_once(&format!("{name} "))?;
    rest.split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

fn pass_on(from: Option<impl Read + Send + 'static>, to: Sender<String>) {
    let from = BufReader::new(from.expect("it is piped"));
    let _ = thread::spawn(move || {
        for line in from.lines().map_while(Result::ok) {
            println!("{line}");
            if to.send(line).is_err() {
                break;
            }
        }
    });
}

/// Makes Linux a neighbour of the device on `zonda0`.
pub fn join_tap() {
    ip("address replace 10.9.0.1/24 dev zonda0");
    ip("address replace fd09::1/64 dev zonda0 nodad");
}

/// Pings once, as soon as it works.
#[track_caller]
pub fn reaches(target: &str) {
    until(&format!("ping {target}"), || {
        let ping = Command::new("ping")
            .args(["-n", "-q", "-c", "1", "-W", "1", target])
            .output();
        ping.unwrap().status.success()
    });
}
