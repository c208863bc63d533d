//! Which functions of the crate lead to a panic in the image of a board.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Functions of the crate in which a panic is left, and why none of them is one of the network's.
const ALLOWED: [(&str, &str, &str); 1] = [(
    // The parser of addresses in the standard library reads names that the application looks up.
    "proto::dns::",
    "one_family",
    "slice_index_fail",
)];

/// Functions of the standard library that panic, by how their names begin. A future that is polled
/// again when it was ready panics too; so says the trait, and the compiler puts it there.
const PANICS: [&str; 9] = [
    "core::panicking::",
    "core::option::unwrap_failed",
    "core::option::expect_failed",
    "core::result::unwrap_failed",
    "core::slice::index::slice_",
    "core::slice::copy_from_slice_impl::",
    "core::str::slice_error_fail",
    "core::cell::panic_already",
    "alloc::",
];

/// The ways from functions of the crate to a panic, as `function -> panic`, by the disassembly of an
/// image; or why that cannot be had here.
pub fn ways(image: &Path) -> Result<BTreeSet<String>, String> {
    let run = Command::new("llvm-objdump")
        .args(["--disassemble", "--demangle", "--no-show-raw-insn"])
        .arg(image)
        .output()
        .map_err(|error| format!("llvm-objdump: {error}"))?;
    let text = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success() && text.len() > 100_000,
        "a disassembly"
    );
    Ok(read(&text).collect())
}

/// Those of them that are new.
pub fn new(ways: &BTreeSet<String>) -> Vec<&String> {
    let is_known = |way: &&String| {
        way.contains("async_fn_resumed")
            || (ALLOWED.iter()).any(|(module, function, panic)| {
                (way.contains(module) || way.contains("Resolver"))
                    && way.contains(function)
                    && way.contains(panic)
            })
    };
    ways.iter().filter(|way| !is_known(way)).collect()
}

fn read(disassembly: &str) -> impl Iterator<Item = String> {
    let mut function = "";
    disassembly.lines().filter_map(move |line| {
        let (_, name) = line.split_once(" <")?;
        if let Some(name) = name.strip_suffix(">:") {
            function = name;
            return None;
        }
        // What is called stands at the end, perhaps with an offset and behind it a comment.
        let name = name.split(" @ imm").next()?.split(" # ").next()?.trim_end();
        let callee = name.strip_suffix('>')?;
        let is_ours = function.contains("zonda::") || function.contains("zonda..");
        let is_panic = PANICS.iter().any(|panic| callee.starts_with(panic));
        (is_ours && is_panic && is_own(function)).then(|| format!("{function} -> {callee}"))
    })
}

/// Whether a function is the crate's own, and not one of others that is made for its types.
fn is_own(function: &str) -> bool {
    let bare = function.trim_start_matches(['<', '_', '&']);
    bare.starts_with("zonda") || bare.contains("as zonda") || function.contains("$LT$zonda")
}

#[test]
fn ways_to_a_panic_are_found_in_a_disassembly() {
    let text = "
00000400 <zonda::stack::core::Core::poll>:
     400:      	bl	0x3dd8 <core::panicking::panic_fmt>     @ imm = #14804
     404:      	b	0x410 <zonda::stack::core::Core::poll+0x10>     @ imm = #8
00000500 <<zonda::socket::udp::UdpSocket>::recv::{closure#0}>:
     500:      	jal	0x90 <core::panicking::panic_const::panic_const_async_fn_resumed>
     504:      	bl	0x90 <core::slice::index::slice_index_fail> @ imm = #-4
00000600 <device::apart::<zonda::stack::handle::Stack, device::start>>:
     600:      	bl	0x90 <core::panicking::panic_fmt> @ imm = #-4
";
    let ways: BTreeSet<_> = read(text).collect();
    assert_eq!(ways.len(), 3, "{ways:?}");
    let new = new(&ways);
    assert_eq!(new.len(), 2, "{new:?}");
    assert!(new[1].starts_with("zonda::stack::core::Core::poll -> core::panicking::panic_fmt"));
}
