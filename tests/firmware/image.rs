//! Images of boards: how they are built, and what they take of the board.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where images are built.
fn directory() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
        PathBuf::from,
    );
    target.join("boards")
}

/// Where the image of a board is when it has been built.
pub fn path(target: &str, image: &str) -> PathBuf {
    directory().join(target).join("release").join(image)
}

/// Builds the images of a package in `boards/`; says why they cannot be built here. Those that could
/// be and are not are a failure.
pub fn build(package: &str, target: &str) -> Result<(), String> {
    let boards = concat!(env!("CARGO_MANIFEST_DIR"), "/boards");
    let run = Command::new(format!("{boards}/cross"))
        .args([target, "build", "--quiet", "--release", "--locked"])
        .arg("--target-dir")
        .arg(directory())
        .current_dir(format!("{boards}/{package}"))
        // What the test's own build was told is nothing to the board's.
        .env_remove("RUSTFLAGS")
        .stdin(Stdio::null())
        .output()
        .expect("boards/cross starts");
    let said = String::from_utf8_lossy(&run.stderr);
    if run.status.code() == Some(3) {
        return Err(said.trim().into());
    }
    assert!(run.status.success(), "{package} is not built:\n{said}");
    Ok(())
}

/// What an image takes, in bytes.
pub struct Footprint {
    pub flash: u32,
    pub ram: u32,
}

impl Footprint {
    /// Adds up the sections of an ELF file of 32 bits that are loaded ("Tool Interface Standard:
    /// Executable and Linking Format", 1.2, §1). The stack is not counted.
    pub fn of(image: &Path) -> Self {
        const NO_BITS: u32 = 8;
        const ALLOCATED: u32 = 2;
        let bytes = fs::read(image).expect("it has been built");
        assert_eq!(bytes[..6], *b"\x7fELF\x01\x01", "32 bits, little-endian");
        let half = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let table = word(32) as usize;
        let header = |section: usize| table + section * half(46);
        let names = word(header(half(50)) + 16) as usize;
        let (mut flash, mut ram) = (0, 0);
        for section in (0..half(48)).map(header) {
            let [name, kind, flags, address, _, size] =
                [0, 4, 8, 12, 16, 20].map(|at| word(section + at));
            let name = bytes[names + name as usize..]
                .split(|byte| *byte == 0)
                .next();
            // Those that end so keep addresses free of what another section holds.
            let is_none = name.is_none_or(|name| name == b".stack" || name.ends_with(b"_dummy"));
            if flags & ALLOCATED == 0 || is_none {
                continue;
            }
            let is_ram = is_ram(address);
            ram += if is_ram { size } else { 0 };
            flash += if kind == NO_BITS { 0 } else { size };
        }
        Self { flash, ram }
    }
}

/// Whether that is an address in RAM, of the Cortex-M boards or of the ESP32-C3.
fn is_ram(address: u32) -> bool {
    matches!(address, 0x2000_0000..0x3000_0000 | 0x3fc0_0000..0x4200_0000 | 0x5000_0000..0x6000_0000)
}
