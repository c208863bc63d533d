//! The house rules: what the pages promise is held against the code, in both directions.

#[macro_use]
#[path = "support/skip.rs"]
mod skip;
#[allow(dead_code)]
#[path = "../build.rs"]
mod build;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

// ---- The floors --------------------------------------------------------------------------

/// The modules of the crate, ground first. A module imports only from floors below its own; on
/// the ground floor they may also import each other, in one direction.
const FLOORS: &[&[&str]] = &[
    &["config", "time", "rng", "checksum", "events", "fmt", "sync"],
    &["netbuf"],
    &["wire"],
    &["link"],
    &["l2"],
    &["iface"],
    &["ip"],
    &["packet", "udp", "tcp"],
    &["stack"],
    &["socket"],
    &["proto"],
    &["compat", "mgmt"],
];

/// What a driver may import beside the ground floor: the port, the buffers, addresses, and the coding
/// of frames on a line.
const DRIVER_IMPORTS: &[&str] = &[
    "netbuf",
    "link",
    "wire::LinkAddr",
    "wire::IpAddress",
    "l2::slip",
];

/// The files that may hold `unsafe`, and why.
const UNSAFE_FILES: &[(&str, &str)] = &[
    (
        "src/netbuf/pool",
        "the memory of the blocks and their reference counts",
    ),
    ("src/checksum/arch.rs", "vector instructions"),
    ("src/sync.rs", "sections that exclude each other"),
    (
        "src/compat/c",
        "what C programs lend: pointers, functions, memory",
    ),
    ("drivers/tap/system.rs", "calls of the operating system"),
    ("drivers/registers.rs", "registers in the memory map"),
    (
        "drivers/virtio_net",
        "memory that is shared with a device, and its registers",
    ),
];

const MAX_LINES: usize = 800;

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// The module of the crate that a file belongs to: `wire` for `src/wire/udp.rs`.
fn module_of(file: &Path) -> String {
    let parts: Vec<_> = file.iter().map(|part| part.to_str().unwrap()).collect();
    match parts[..] {
        ["src", name, ..] => name.trim_end_matches(".rs").into(),
        [tree, ..] => tree.into(),
        [] => unreachable!("a file has a path"),
    }
}

/// Whether `module` may import `path` (`wire::udp::UdpHeader`), or why not.
fn import_is_allowed(module: &str, path: &str) -> Result<(), String> {
    let target = path.split("::").next().unwrap_or_default();
    if target == module {
        return Ok(());
    }
    let Some(to) = floor(target) else {
        return Err(format!(
            "`{target}` stands on no floor (name the module, not a re-export)"
        ));
    };
    let starts_with = |allowed: &&str| {
        path.strip_prefix(*allowed)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let allowed = match module {
        "drivers" => to == 0 || DRIVER_IMPORTS.iter().any(starts_with),
        _ => match floor(module) {
            None => return Err(format!("`{module}` stands on no floor: add it to FLOORS")),
            Some(from) => to < from || from == 0 && to == 0,
        },
    };
    if allowed {
        Ok(())
    } else {
        Err(format!("`{module}` may not import `{path}`"))
    }
}

#[test]
fn modules_import_only_from_floors_below() {
    let mut problems = Vec::new();
    let mut edges = BTreeSet::new();
    for (file, text) in sources() {
        if file == Path::new("src/lib.rs") || is_test_file(&file) {
            continue;
        }
        let module = module_of(&file);
        for path in crate_paths(&code(&text)) {
            if let Err(problem) = import_is_allowed(&module, &path) {
                problems.push(format!("{}: {problem}", file.display()));
            }
            let target = path.split("::").next().unwrap_or_default().to_string();
            let _: bool = edges.insert((module.clone(), target));
        }
    }
    for (from, to) in &edges {
        if from < to && edges.contains(&(to.clone(), from.clone())) {
            problems.push(format!("`{from}` and `{to}` import each other"));
        }
    }
    assert_none(&problems);
}

#[test]
fn the_floor_rule_tells_up_from_down() {
    assert!(import_is_allowed("wire", "netbuf::NetBuf").is_ok());
    assert!(import_is_allowed("netbuf", "wire::Bytes").is_err());
    assert!(import_is_allowed("udp", "tcp::Segment").is_err());
    assert!(import_is_allowed("drivers", "link::Port").is_ok());
    assert!(import_is_allowed("drivers", "wire::LinkAddr").is_ok());
    assert!(import_is_allowed("drivers", "wire::LinkAddress").is_err());
    assert!(import_is_allowed("drivers", "stack::Core").is_err());
    assert!(import_is_allowed("attic", "time::Instant").is_err());
    let text = "use crate::{config, wire::{ip, udp::UdpHeader as U}};\ncrate::time::now(); crate::debug!();";
    let paths = ["config", "wire::ip", "wire::udp::UdpHeader", "time::now"];
    assert_eq!(crate_paths(text), paths);
}

#[test]
fn examples_and_boards_stand_on_the_public_surface() {
    let mut problems = Vec::new();
    for (file, text) in files(&["examples", "boards"], "rs") {
        for line in text
            .lines()
            .filter(|line| line.contains("#[path") && line.contains(".."))
        {
            problems.push(format!("{}: {}", file.display(), line.trim()));
        }
    }
    assert_none(&problems);
}

/// The paths that start with `crate::`, without it, groups in braces taken apart.
fn crate_paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, marker) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c == '$' || c == '_' || c.is_alphanumeric()) {
            continue;
        }
        let _: usize = use_tree("", &code[at + marker.len()..], &mut found);
    }
    found
}

/// Reads one path or group at the start of `code`; returns how many bytes it took.
fn use_tree(prefix: &str, code: &str, found: &mut Vec<String>) -> usize {
    if let Some(group) = code.strip_prefix('{') {
        let mut at = 0;
        loop {
            let rest = &group[at..];
            at += rest.len() - rest.trim_start_matches([' ', '\n', ',']).len();
            if group[at..].starts_with('}') || group[at..].is_empty() {
                return (at + 2).min(code.len());
            }
            at += use_tree(prefix, &group[at..], found).max(1);
            // An `as` name, up to the next item.
            at += group[at..].find([',', '}']).unwrap_or(group.len() - at);
        }
    }
    let name = |c: char| !c.is_alphanumeric() && c != '_' && c != '*';
    let end = code.find(name).unwrap_or(code.len());
    let path = if prefix.is_empty() {
        code[..end].into()
    } else {
        format!("{prefix}::{}", &code[..end])
    };
    if code[end..].starts_with("::") && !code[end..].starts_with("::<") {
        return end + 2 + use_tree(&path, &code[end + 2..], found);
    }
    if !code[end..].starts_with('!') {
        found.push(path);
    }
    end
}

// ---- What the code may not hold ----------------------------------------------------------

#[test]
fn files_keep_to_one_idea() {
    let problems: Vec<_> = sources()
        .filter(|(_, text)| text.lines().count() > MAX_LINES)
        .map(|(file, text)| format!("{}: {} lines", file.display(), text.lines().count()))
        .collect();
    assert_none(&problems);
}

#[test]
fn nothing_is_left_to_be_done() {
    let trees = ["src", "l2", "drivers", "boards", "examples"];
    let problems: Vec<_> = files(&trees, "rs")
        .filter(|(_, text)| {
            let code = without_comments(text);
            code.contains("todo!(") || code.contains("unimplemented!(")
        })
        .map(|(file, _)| file.display().to_string())
        .collect();
    assert_none(&problems);
}

#[test]
fn unsafe_stands_only_where_it_is_allowed() {
    let is_word = |code: &str, at: usize| {
        let part = |c: char| c == '_' || c.is_alphanumeric();
        let after = code[at + "unsafe".len()..].chars().next();
        !code[..at].ends_with(part) && !after.is_some_and(part)
    };
    let problems: Vec<_> = sources()
        .filter(|(file, _)| {
            let file = file.to_str().unwrap();
            !UNSAFE_FILES
                .iter()
                .any(|(allowed, _)| file.starts_with(allowed))
        })
        .filter(|(_, text)| {
            let code = without_comments(text);
            code.match_indices("unsafe")
                .any(|(at, _)| is_word(&code, at))
        })
        .map(|(file, _)| file.display().to_string())
        .collect();
    assert_none(&problems);
}

// ---- Features and sizes ------------------------------------------------------------------

/// The features of Cargo.toml and the `##` lines above each.
fn features() -> BTreeMap<String, String> {
    let manifest = read("Cargo.toml");
    let section = manifest
        .split("\n[features]\n")
        .nth(1)
        .expect("Cargo.toml has features");
    let section = section.split("\n[").next().unwrap();
    let mut found = BTreeMap::new();
    let mut doc = String::new();
    for line in section.lines() {
        if let Some(text) = line.strip_prefix("## ") {
            doc = format!("{doc} {text}").trim().into();
        } else if let Some((name, _)) = line.split_once(" = ") {
            let old = found.insert(name.to_string(), std::mem::take(&mut doc));
            assert_eq!(old, None, "{name} is there twice");
        }
    }
    assert!(found.len() > 5, "the features were not found");
    found
}

#[test]
fn every_feature_says_what_it_is() {
    let problems: Vec<_> = features()
        .into_iter()
        .filter(|(name, doc)| name != "default" && !doc.ends_with('.'))
        .map(|(name, _)| format!("{name}: needs a `## ` line above it that ends with a full stop"))
        .collect();
    assert_none(&problems);
}

#[test]
fn the_configuration_page_lists_every_feature() {
    let code: BTreeSet<_> = features()
        .into_iter()
        .filter(|(name, _)| name != "default")
        .map(|(name, doc)| format!("| `{name}` | {doc} |"))
        .collect();
    compare(&code, &rows("docs/configuration.md", "Feature", 2));
}

mod documented {
    //! The same list as the crate reads, with the meanings.
    macro_rules! sizes {
        ($($(#[doc = $doc:literal])* $name:ident = $default:literal in $range:expr;)*) => {
            pub const SIZES: &[(&str, &str)] = &[$((stringify!($name), concat!($($doc),*))),*];
        };
    }
    include!("../src/config/sizes.rs");
}

#[test]
fn the_configuration_page_lists_every_number() {
    let code: BTreeSet<_> = build::SIZES
        .iter()
        .zip(documented::SIZES)
        .map(|(size, (_, meaning))| {
            let build::Size {
                default, min, max, ..
            } = size;
            let variable = size.variable();
            format!(
                "| `{variable}` | {default} | {min} to {max} | {} |",
                meaning.trim()
            )
        })
        .collect();
    compare(&code, &rows("docs/configuration.md", "Number", 4));
}

#[test]
fn a_size_out_of_range_is_a_build_error_that_says_what_is_allowed() {
    for size in build::SIZES {
        let name = size.name;
        assert!(
            size.min <= size.default && size.default <= size.max,
            "{name}: default out of range"
        );
        assert_eq!(size.choose(None), Ok(size.default));
        assert_eq!(size.choose(Some(&size.min.to_string())), Ok(size.min));
        assert_eq!(size.choose(Some(&format!(" {} ", size.max))), Ok(size.max));
        for wrong in [
            (size.max + 1).to_string(),
            "-1".into(),
            "many".into(),
            String::new(),
        ] {
            let problem = size.choose(Some(&wrong)).unwrap_err();
            let allowed = format!("a number from {} to {} is", size.min, size.max);
            assert!(problem.starts_with(&format!("ZONDA_{name}={wrong:?} is not allowed")));
            assert!(problem.contains(&allowed), "{problem}");
        }
        if let Some(below) = size.min.checked_sub(1) {
            assert!(size.choose(Some(&below.to_string())).is_err());
        }
    }
}

// ---- The other pages ---------------------------------------------------------------------

#[test]
fn the_commands_of_the_readme_exist() {
    let readme = read("README.md");
    let commands: Vec<_> = readme
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.strip_prefix("sh\n"))
        .flat_map(str::lines)
        .collect();
    for needed in ["cargo run --release --example demo", "tests/run"] {
        assert!(
            commands.iter().any(|line| line.starts_with(needed)),
            "README lacks `{needed}`"
        );
    }
    let mut problems = Vec::new();
    for command in commands {
        let words: Vec<_> = command
            .split_whitespace()
            .take_while(|word| *word != "#")
            .collect();
        let example = words
            .iter()
            .position(|word| *word == "--example")
            .map(|at| words[at + 1]);
        let file = match (example, words[0]) {
            (Some(name), "cargo") => format!("examples/{name}.rs"),
            (None, "cargo") => continue,
            (_, program) => program.into(),
        };
        if !root().join(&file).is_file() {
            problems.push(format!("`{command}`: there is no {file}"));
        }
    }
    if !root().join("examples").exists() {
        skip!("there are no examples yet");
    }
    assert_none(&problems);
}

#[test]
fn what_the_conformance_page_names_exists() {
    let tests: BTreeSet<_> = files(&["src", "l2", "drivers", "tests"], "rs")
        .flat_map(|(_, text)| {
            let names = text.split("fn ").skip(1).map(|rest| {
                rest.chars()
                    .take_while(|c| *c == '_' || c.is_alphanumeric())
                    .collect::<String>()
            });
            names.collect::<Vec<_>>()
        })
        .collect();
    let mut problems = Vec::new();
    for row in rows("docs/conformance.md", "RFC", 5) {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, _, level, place, evidence] = cells[..] else {
            problems.push(format!("{row}: five columns are needed"));
            continue;
        };
        if !["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"].contains(&level) {
            problems.push(format!("{row}: `{level}` is no level"));
        }
        for file in quoted(place).filter(|file| !root().join(file).exists()) {
            problems.push(format!("{row}: there is no {file}"));
        }
        for test in quoted(evidence).filter(|test| !tests.contains(*test)) {
            problems.push(format!("{row}: there is no test {test}"));
        }
        if evidence.is_empty() {
            problems.push(format!("{row}: a test or a reason is needed"));
        }
    }
    for row in rows("docs/conformance.md", "Source", 3) {
        let evidence = row.trim_matches('|').split(" | ").nth(2).unwrap_or("");
        let mut names = quoted(evidence).peekable();
        if names.peek().is_none() {
            problems.push(format!("{row}: a test is needed"));
        }
        for test in names.filter(|test| !tests.contains(*test)) {
            problems.push(format!("{row}: there is no test {test}"));
        }
    }
    assert_none(&problems);
}

#[test]
fn links_between_the_pages_lead_somewhere() {
    let mut problems = Vec::new();
    let top = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let top = top.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let top = top.map(|path| path.strip_prefix(root()).unwrap().to_path_buf());
    for page in top.chain(files(&["docs"], "md").map(|(file, _)| file)) {
        let text = read(page.to_str().unwrap());
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let target = link.split('#').next().unwrap();
            if link.contains("://") || target.is_empty() {
                continue;
            }
            if !root().join(&page).parent().unwrap().join(target).exists() {
                problems.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert_none(&problems);
}

/// Changes that meet on a page may leave what both of them changed there twice.
#[test]
fn pages_say_nothing_twice() {
    let mut problems = Vec::new();
    for page in ["README.md", "docs/guide.md", "docs/architecture.md"]
        .into_iter()
        .chain(["docs/configuration.md", "docs/conformance.md"])
        .chain(["docs/performance.md", "docs/security.md"])
    {
        let text = read(page);
        // What stands between fences is code.
        let prose = text.split("```").step_by(2).collect::<String>();
        let (table, prose): (Vec<_>, Vec<_>) = prose.lines().partition(|l| l.starts_with('|'));
        let prose = prose.join(" ");
        let prose = prose.split_whitespace().collect::<Vec<_>>().join(" ");
        let sentences = prose.split(['.', ':', ';']).filter(|s| s.len() > 50);
        // A row is known by its first cell, on the conformance page by RFC and clause.
        let cells = if page.ends_with("conformance.md") {
            2
        } else {
            1
        };
        let keyed = page.ends_with("conformance.md") || page.ends_with("configuration.md");
        let rows = table.iter().filter(|row| keyed && !is_head(row));
        let rows = rows.map(|row| row.split(" | ").take(cells).collect::<Vec<_>>().join(" | "));
        let mut seen = BTreeSet::new();
        for said in sentences.map(String::from).chain(rows) {
            if !seen.insert(said.clone()) {
                problems.push(format!("{page}: {said}"));
            }
        }
    }
    assert_none(&problems);
}

/// Whether a line of a table is its heading, or what stands below that.
fn is_head(row: &str) -> bool {
    let first = row.trim_start_matches("| ");
    ["---", "|---", "RFC ", "Feature ", "Number "]
        .iter()
        .any(|start| first.starts_with(start))
}

// ---- Reading the tree --------------------------------------------------------------------

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Every file of the crate itself.
fn sources() -> impl Iterator<Item = (PathBuf, String)> {
    files(&["src", "l2", "drivers"], "rs")
}

/// The files below these folders with this ending: name from the root, and text.
fn files(trees: &[&str], ending: &str) -> impl Iterator<Item = (PathBuf, String)> {
    let mut left: Vec<_> = trees.iter().map(|tree| root().join(tree)).collect();
    let mut found = Vec::new();
    while let Some(directory) = left.pop() {
        let entries = fs::read_dir(directory).into_iter().flatten();
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                left.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found.into_iter().map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(root()).unwrap().to_path_buf(), text)
    })
}

fn is_test_file(file: &Path) -> bool {
    file.iter()
        .any(|part| part == "tests" || part.to_str().unwrap().ends_with("tests.rs"))
}

/// A file without its comments.
fn without_comments(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        let end = line.match_indices("//").map(|(at, _)| at).find(|at| {
            // Two slashes inside a string do not start a comment.
            line[..*at].matches('"').count() % 2 == 0
        });
        code.push_str(&line[..end.unwrap_or(line.len())]);
        code.push('\n');
    }
    code
}

/// A file without its comments and without the tests at its end.
fn code(text: &str) -> String {
    let code = without_comments(text);
    let tests = ["mod tests {", "mod proptests {"]
        .iter()
        .filter_map(|start| code.find(start))
        .min();
    code[..tests.unwrap_or(code.len())].into()
}

/// The rows of every table of `page` whose heading starts with `heading`, `columns` cells of each.
fn rows(page: &str, heading: &str, columns: usize) -> BTreeSet<String> {
    let text = read(page);
    let mut found = BTreeSet::new();
    let mut headings = 0;
    for table in text
        .split("\n\n")
        .filter(|block| block.starts_with(&format!("| {heading} |")))
    {
        headings += 1;
        for row in table.lines().skip(2) {
            // A bar that belongs to a cell is written `\|`.
            let mut cells = row.split(" |");
            let kept: Vec<_> = cells.by_ref().take(columns).collect();
            let _: bool = found.insert(format!("{} |", kept.join(" |")));
        }
    }
    assert!(headings > 0, "{page} has no table headed `{heading}`");
    found
}

/// What stands between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn compare(code: &BTreeSet<String>, page: &BTreeSet<String>) {
    let missing = code
        .difference(page)
        .map(|row| format!("missing on the page: {row}"));
    let stale = page
        .difference(code)
        .map(|row| format!("not (or not so) in the code: {row}"));
    assert_none(&missing.chain(stale).collect::<Vec<_>>());
}

#[track_caller]
fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}
