//! The header against the code, in both directions; and what pointers are checked for.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::format;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::string::{String, ToString};
use std::vec::Vec;

use super::layout::LAYOUTS;
use super::*;
use crate::compat::bsd::{Eai, Errno, FdSet, NUMBERS};
use crate::iface::NAME_LENGTH;
use crate::link::Offload;

const HEADER: &str = include_str!("zonda.h");

/// The numbers that the header gives names to, as they are here.
fn numbers() -> BTreeMap<String, i64> {
    let plain = NUMBERS
        .iter()
        .map(|(name, value)| (name.to_string(), i64::from(*value)));
    let errors = Errno::ALL
        .iter()
        .map(|error| (error.name().into(), *error as i64));
    let eai = Eai::ALL.iter().map(|code| {
        let name = format!("EAI_{code:?}").to_uppercase();
        (name, *code as i64)
    });
    let offloads = Offload::all().iter_names().map(|(name, bit)| {
        let name = format!("OFFLOAD_{name}");
        (name, i64::from(bit.bits()))
    });
    let others = [
        ("EAI_MEMORY", lookup::EAI_MEMORY.into()),
        ("EAI_SYSTEM", lookup::EAI_SYSTEM.into()),
        ("MEDIUM_ETHERNET", MEDIUM_ETHERNET.into()),
        ("MEDIUM_IP", MEDIUM_IP.into()),
        ("ADDRESS_USABLE", ADDRESS_USABLE.into()),
        ("ADDRESS_TENTATIVE", ADDRESS_TENTATIVE.into()),
        ("ADDRESS_DUPLICATE", ADDRESS_DUPLICATE.into()),
        ("IF_NAMESIZE", NAME_LENGTH as i64 + 1),
        ("IOV_MAX", messages::PIECES as i64),
        ("FD_SETSIZE", FdSet::SIZE as i64),
        // RFC 3493 §6.3, in characters.
        ("INET_ADDRSTRLEN", "255.255.255.255".len() as i64 + 1),
        (
            "INET6_ADDRSTRLEN",
            "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".len() as i64 + 1,
        ),
    ];
    let others = others.map(|(name, value)| (name.to_string(), value));
    plain
        .chain(errors)
        .chain(eai)
        .chain(offloads)
        .chain(others)
        .collect()
}

/// The names of numbers in the header.
fn defined() -> BTreeSet<String> {
    let defines = HEADER
        .lines()
        .filter_map(|line| line.strip_prefix("#define ZONDA_"));
    let numbers = defines.filter_map(|line| {
        let (name, value) = line.split_once(' ')?;
        let value = value.split("/*").next()?.trim().trim_matches(['(', ')']);
        let digits = value.trim_start_matches('-').trim_start_matches("0x");
        let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit());
        is_number.then(|| name.to_string())
    });
    numbers.collect()
}

/// The functions of a text, with how many arguments each has.
fn functions(text: &str, start: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for (at, _) in text.match_indices(start) {
        let rest = &text[at + start.len()..];
        let Some((name, rest)) = rest.split_once('(') else {
            continue;
        };
        let is_name = name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
        if !is_name || !rest.contains(')') {
            continue;
        }
        let arguments = rest.split(')').next().unwrap_or_default().trim();
        let count = match arguments.trim_end_matches(',') {
            "" | "void" => 0,
            some => some.split(',').count(),
        };
        let _: Option<usize> = found.insert(name.to_string(), count);
    }
    found
}

/// Compiles a text with the header in front.
fn compile(compiler: &str, arguments: &[&str], text: &str) -> Option<String> {
    let mut compiling = Command::new(compiler)
        .args(arguments)
        .args([
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-fsyntax-only",
            "-I",
        ])
        .arg(OsStr::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src/compat/c"
        )))
        .arg("-")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let written = compiling
        .stdin
        .take()
        .map(|mut to| to.write_all(text.as_bytes()));
    assert!(written.is_some_and(|written| written.is_ok()));
    let output = compiling.wait_with_output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() {
        String::new()
    } else {
        text
    })
}

/// What a C compiler is to find true of the header.
fn assertions() -> String {
    let mut text = String::from("#include \"zonda.h\"\n");
    let mut at = 0;
    let mut claim = |what: String| {
        at += 1;
        text.push_str(&format!("typedef char claim_{at}[({what}) ? 1 : -1];\n"));
    };
    for (name, value) in numbers() {
        claim(format!("ZONDA_{name} == {value}"));
    }
    for (name, size, fields) in LAYOUTS {
        claim(format!("sizeof(struct zonda_{name}) == {size}"));
        for (field, offset) in *fields {
            claim(format!(
                "offsetof(struct zonda_{name}, {field}) == {offset}"
            ));
        }
    }
    claim("sizeof(struct zonda_pollfd) == 8 && offsetof(struct zonda_pollfd, revents) == 6".into());
    claim("sizeof(zonda_socklen_t) == 4 && sizeof(zonda_ssize_t) == sizeof(void *)".into());
    text
}

#[test]
fn the_header_has_the_numbers_of_the_code() {
    let code: BTreeSet<_> = numbers().into_keys().collect();
    let header = defined();
    let missing: Vec<_> = code.difference(&header).collect();
    let stale: Vec<_> = header.difference(&code).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "missing {missing:?}, stale {stale:?}"
    );
}

/// Says where `tests/run` counts it that a test has not run.
fn skip(test: &str, reason: &str) {
    std::println!("SKIPPED: {test}: {reason}");
    if let Some(list) = std::env::var_os("ZONDA_SKIPPED") {
        let list = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(list);
        let line = format!("{test}: {reason}\n");
        let written = list.and_then(|mut list| list.write_all(line.as_bytes()));
        assert!(
            written.is_ok(),
            "ZONDA_SKIPPED names a file that can be written"
        );
    }
}

#[test]
fn c_compilers_find_the_numbers_and_layouts_of_the_code_in_the_header() {
    for standard in ["-std=c99", "-std=c11"] {
        match compile("gcc", &[standard, "-xc"], &assertions()) {
            Some(problems) => assert_eq!(problems, "", "{standard}"),
            None => return skip("c_compilers_find_the_numbers", "gcc is not installed"),
        }
    }
}

#[test]
fn the_header_is_one_of_cpp_too() {
    match compile("g++", &["-std=c++11", "-xc++"], &assertions()) {
        Some(problems) => assert_eq!(problems, ""),
        None => skip("the_header_is_one_of_cpp_too", "g++ is not installed"),
    }
}

#[test]
fn every_function_is_in_the_header_with_its_arguments() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/compat/c");
    let mut code = BTreeMap::new();
    for entry in std::fs::read_dir(sources).expect("it is there") {
        let path = entry.expect("it can be read").path();
        if path.extension() == Some(OsStr::new("rs")) {
            let text = std::fs::read_to_string(&path).expect("it is text");
            code.extend(functions(&text, "    fn zonda_"));
        }
    }
    // A declaration ends with a semicolon; what is said of a function in a comment does not count.
    let declarations = HEADER
        .split("*/")
        .filter_map(|part| part.split("/*").next());
    let declarations = declarations.collect::<String>();
    let mut header = functions(&declarations, " zonda_");
    header.extend(functions(&declarations, "*zonda_"));
    assert!(code.len() > 50, "the functions were not found");
    assert_eq!(code, header);
}

/// A pointer that is not null.
const SOMEWHERE: *mut core::ffi::c_void = core::ptr::without_provenance_mut(64);

#[test]
fn impossible_pointers_and_lengths_are_refused() {
    // SAFETY: none of them is followed.
    unsafe {
        assert_eq!(Bytes::new(core::ptr::null()).slice(1), Err(Errno::EFAULT));
        assert_eq!(Bytes::new(core::ptr::null()).slice(0), Ok(&[][..]));
        assert_eq!(Bytes::new(SOMEWHERE).slice(usize::MAX), Err(Errno::EINVAL));
        let last = core::ptr::without_provenance(usize::MAX);
        assert_eq!(Bytes::new(last).slice(2), Err(Errno::EFAULT));
        assert_eq!(
            Room::new(core::ptr::null_mut()).slice(1),
            Err(Errno::EFAULT)
        );
        assert_eq!(Room::new(SOMEWHERE).slice(usize::MAX), Err(Errno::EINVAL));
        let odd = core::ptr::without_provenance_mut::<u32>(65);
        assert_eq!(List::new(odd).slice(1), Err(Errno::EFAULT));
        assert_eq!(
            List::<u32>::new(SOMEWHERE.cast()).slice(usize::MAX / 2),
            Err(Errno::EINVAL)
        );
        assert_eq!(In::<u32>::new(core::ptr::null()).get(), Err(Errno::EFAULT));
        assert_eq!(
            Out::<u32>::new(core::ptr::null_mut()).put(1),
            Err(Errno::EFAULT)
        );
        assert_eq!(Text::new(core::ptr::null()).get(), Ok(None));
        assert_eq!(Text::new(core::ptr::null()).need(), Err(Errno::EFAULT));
    }
}

#[test]
fn structures_may_stand_anywhere_and_texts_end() {
    let bytes = [0u8, 1, 2, 3, 4];
    let text = c"host";
    let endless = [b'a'; 2000];
    let broken = c"\xff";
    // SAFETY: what is read is there.
    unsafe {
        let misaligned = In::<u32>::new(bytes.as_ptr().wrapping_add(1).cast());
        assert_eq!(misaligned.get(), Ok(u32::from_ne_bytes([1, 2, 3, 4])));
        assert_eq!(Text::new(text.as_ptr()).get(), Ok(Some("host")));
        assert_eq!(Text::new(endless.as_ptr().cast()).get(), Err(Errno::EINVAL));
        assert_eq!(Text::new(broken.as_ptr()).get(), Err(Errno::EINVAL));
    }
}
