//! What only a target without an operating system shows: cross builds, and images run in QEMU.

#[macro_use]
#[path = "support/skip.rs"]
mod skip;

use std::process::Command;

/// Checks the crate for `target` with no feature and with all that fit it, by `tests/matrix`.
macro_rules! cross_builds {
    ($($name:ident: $target:literal;)*) => {$(
        #[test]
        fn $name() {
            // The first build for a target compiles `core` too, and may need the network.
            if std::env::var_os("ZONDA_SKIPPED").is_none() {
                skip!("run it by `tests/run firmware`");
            }
            let run = Command::new("tests/matrix")
                .args(["--kind", "none", "--kind", "all", "--target", $target])
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .output()
                .expect("tests/matrix starts");
            let text = String::from_utf8_lossy(&run.stdout);
            if text.contains(" 0 do not, 2 were not tried") {
                skip!("no library for {} here", $target);
            }
            assert!(run.status.success(), "{text}{}", String::from_utf8_lossy(&run.stderr));
        }
    )*};
}

cross_builds! {
    the_crate_builds_for_a_cortex_m0: "thumbv6m-none-eabi";
    the_crate_builds_for_a_cortex_m4: "thumbv7em-none-eabihf";
    the_crate_builds_for_a_risc_v_without_atomics: "riscv32imc-unknown-none-elf";
}

/// Links the UDP echo images of `benches/size`, and that for TCP with all default protocols of
/// `benches/size-tcp`. Their panic handlers need a symbol that is nowhere: the linker fails if a path to a
/// panic is left.
#[test]
fn the_echo_images_are_linked_with_no_panic_machinery() {
    if std::env::var_os("ZONDA_SKIPPED").is_none() {
        skip!("run it by `tests/run firmware`");
    }
    let run = Command::new("benches/run")
        .arg("size")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("benches/run starts");
    let said = String::from_utf8_lossy(&run.stderr);
    if run.status.code() == Some(3) {
        skip!("what builds the image is not installed");
    }
    assert!(
        run.status.success(),
        "a path to a panic is left in an image:\n{said}"
    );
    print!("{}", String::from_utf8_lossy(&run.stdout));
}
