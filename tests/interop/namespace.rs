//! A network namespace for each test: it has no name, and it is gone when the test's processes are.

use std::env;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Set in the process that is inside the namespace.
const INSIDE: &str = "ZONDA_TEST_NAMESPACE";

/// How long something may take that takes a moment: much longer than that, for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the rest of the calling test in a process of its own, in a network namespace of its own.
/// Skips the test if that cannot be done here, or if one of the programs named is not installed.
macro_rules! in_namespace {
    ($($program:literal),*) => {
        // A closure is named after the function around it.
        match $crate::namespace::enter(::std::any::type_name_of_val(&|| {}), &[$($program),*]) {
            $crate::namespace::Entered::Inside => {}
            $crate::namespace::Entered::Done => return,
            $crate::namespace::Entered::Cannot(why) => skip!("{why}"),
        }
    };
}

pub enum Entered {
    /// This is the process inside of the namespace.
    Inside,
    /// There was one, and it passed.
    Done,
    Cannot(String),
}

/// Whether this is the process inside of a namespace.
pub fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// See `in_namespace!`; `closure` is the name of a closure of the test.
pub fn enter(closure: &str, programs: &[&str]) -> Entered {
    if is_inside() {
        return Entered::Inside;
    }
    for program in ["unshare", "ip"].iter().chain(programs) {
        if !is_installed(program) {
            return Entered::Cannot(format!("{program} is not installed"));
        }
    }
    let can = Command::new("unshare")
        .args(["--net", "test", "-w", "/dev/net/tun"])
        .stderr(Stdio::null())
        .status();
    if !can.is_ok_and(|status| status.success()) {
        let why = "no /dev/net/tun, or no right to make a network namespace";
        return Entered::Cannot(why.into());
    }
    // The harness knows the test without the name of the crate.
    let (_, test) = closure.split_once("::").expect("a test is in a crate");
    let test = test.trim_end_matches("::{{closure}}");
    let run = Command::new("unshare")
        .arg("--net")
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let printed =
        [run.stdout, run.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    // Indented, so that its summary is not taken for ours.
    for line in printed.iter().flat_map(|text| text.lines()) {
        println!("  | {line}");
    }
    assert!(run.status.success(), "{test} failed in its namespace");
    assert!(printed[0].contains("1 passed"), "{test} is not there");
    Entered::Done
}

/// Whether a program can be started.
pub fn is_installed(program: &str) -> bool {
    let paths = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&paths).any(|path| path.join(program).is_file())
}

/// Runs a command, which must succeed, and gives what it prints. There are no spaces in words.
#[track_caller]
pub fn run(command: &str) -> String {
    let mut words = command.split_whitespace();
    let ran = Command::new(words.next().unwrap())
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command}: {error}"));
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{command}: {text}{errors}");
    if !errors.is_empty() {
        println!("{command}: {errors}");
    }
    text
}

/// Configures Linux.
#[track_caller]
pub fn ip(arguments: &str) {
    let _: String = run(&format!("ip {arguments}"));
}

/// Asks again and again until the answer is yes.
#[track_caller]
pub fn until(what: &str, mut question: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !question() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
