//! The layout of the sources: rooms import only rooms before them, files of a room import each other in no circle, no
//! file is long, and no two types have the same name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Most lines of a file.
const LONGEST: usize = 400;

/// Files that are still longer; a file that no longer is must be removed from this list.
const LONGER: [&str; 0] = [];

/// Types that share a name for a reason; an entry that is no longer needed must be removed.
const SAME_NAMES: [&str; 2] = [
    // On host and device: the state of a chain's dual averaging, in f64 and in f32.
    "StepSize is in engine::device::messages and nuts::adaptation",
    // On host and device: a sum of weights, in f64 and in f32.
    "Weight is in engine::device::messages and nuts::weight",
];

/// Texts of files by module path, such as `draws::store::row_buffer`.
type Sources = BTreeMap<String, String>;

#[test]
fn rooms_import_only_rooms_before_them() {
    let sources = sources();
    assert_eq!(against_the_order(&sources), [""; 0]);
}

#[test]
fn files_of_a_room_import_each_other_in_no_circle() {
    assert_eq!(circles(&sources()), [""; 0]);
}

#[test]
fn no_file_is_long() {
    let sources = sources();
    let long = sources.iter().filter(|(_, text)| text.lines().count() > LONGEST);
    assert_eq!(long.map(|(module, _)| module).collect::<Vec<_>>(), LONGER);
}

#[test]
fn no_two_types_have_the_same_name() {
    assert_eq!(same_names(&sources()), SAME_NAMES);
}

#[test]
fn a_planted_second_type_of_a_name_is_found() {
    let planted = |line: &str| {
        let mut sources = sources();
        sources.entry("data::labels".to_string()).or_default().insert_str(0, line);
        same_names(&sources).into_iter().filter(|found| !SAME_NAMES.contains(&found.as_str())).collect::<Vec<_>>()
    };
    for line in ["pub struct Layout {\n", "pub(super) enum Layout<'a> {\n", "trait Layout {}\n", "type Layout = u32;\n"]
    {
        assert_eq!(planted(line), ["Layout is in data::labels and model::layout"]);
    }
    for line in ["// struct Layout\n", "    type Layout = u32;\n", "struct LayoutOfLabels;\n"] {
        assert_eq!(planted(line), [""; 0]);
    }
}

#[test]
fn a_planted_circle_and_a_planted_arrow_upwards_are_found() {
    let planted = |module: &str, line: &str| {
        let mut sources = sources();
        sources.entry(module.to_string()).or_default().insert_str(0, line);
        sources
    };
    let upwards = against_the_order(&planted("data::labels", "use crate::{gpu::Gpu, report as page};\n"));
    assert_eq!(upwards, ["data::labels imports gpu", "data::labels imports report"]);
    let circle = circles(&planted("draws::store::layout", "fn f() { super::read::g() }\n"));
    assert!(circle.len() == 1 && circle[0].starts_with("draws::store: ") && circle[0].contains("read"), "{circle:?}");
    // By a name that the room exports, and between folders of a room.
    let exported = circles(&planted("summary::digits", "use super::Comparison;\n"));
    assert!(exported.len() == 1 && exported[0].contains("comparison"), "{exported:?}");
    let folders = circles(&planted("report::run", "use super::figures::trace::TraceRow;\n"));
    assert!(folders.len() == 1 && folders[0].contains("figures"), "{folders:?}");
}

/// All files below `src`.
fn sources() -> Sources {
    fn read(folder: &Path, module: &str, sources: &mut Sources) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let inside = if module.is_empty() { name.to_string() } else { format!("{module}::{name}") };
            if path.is_dir() {
                read(&path, &inside, sources);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.insert(inside, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut sources = Sources::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut sources);
    sources
}

/// The position of each room in the line of the crate's documentation; rooms beside the line have position 0.
fn order(sources: &Sources) -> BTreeMap<&str, usize> {
    let text = &sources["lib"];
    let rooms = text.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'));
    let mut order: BTreeMap<&str, usize> = rooms.map(|room| (room, 0)).collect();
    let line = text.lines().find(|line| line.contains("CSV -> ")).expect("lib.rs draws a line of rooms");
    for (place, room) in line.split("->").skip(1).flat_map(|rooms| rooms.split(',')).enumerate() {
        *order.get_mut(room.trim()).unwrap_or_else(|| panic!("there is no room {room}")) = place + 1;
    }
    order
}

/// Imports of rooms that are not before the file's own.
fn against_the_order(sources: &Sources) -> Vec<String> {
    let order = order(sources);
    let room = |module: &str| module.split("::").next().and_then(|room| order.get_key_value(room));
    let mut found = Vec::new();
    for (module, text) in sources {
        let Some((own, place)) = room(module) else { continue };
        let imported: BTreeSet<_> = imports(module, text, sources).iter().filter_map(|module| room(module)).collect();
        let wrong = imported.into_iter().filter(|(other, there)| *other != own && **there > 0 && *there >= place);
        found.extend(wrong.map(|(other, _)| format!("{module} imports {other}")));
    }
    found
}

/// Circles between the modules of each folder, where a folder and its own file count as one. Imports from parent
/// modules do not count.
fn circles(sources: &Sources) -> Vec<String> {
    // The imports of each module's children from each other.
    let mut folders: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (module, text) in sources {
        for imported in imports(module, text, sources) {
            let (from, to): (Vec<&str>, Vec<&str>) = (module.split("::").collect(), imported.split("::").collect());
            let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            // Between rooms, only their order counts.
            if let (true, Some(a), Some(b)) = (common > 0, from.get(common), to.get(common)) {
                let folder = folders.entry(from[..common].join("::")).or_default();
                folder.entry(a.to_string()).or_default().insert(b.to_string());
            }
        }
    }
    let mut found = Vec::new();
    for (folder, arrows) in folders {
        // A module without imports from possible members of a circle is no member.
        let mut left = arrows;
        loop {
            let ends: Vec<String> = left
                .iter()
                .filter(|(_, to)| to.iter().all(|to| !left.contains_key(to)))
                .map(|(a, _)| a.clone())
                .collect();
            if ends.is_empty() {
                break;
            }
            left.retain(|module, _| !ends.contains(module));
        }
        if !left.is_empty() {
            let arrows = left.iter().map(|(from, to)| {
                let to: Vec<&str> = to.iter().filter(|to| left.contains_key(*to)).map(String::as_str).collect();
                format!("{from} -> {}", to.join(" and "))
            });
            found.push(format!("{folder}: {}", arrows.collect::<Vec<_>>().join("; ")));
        }
    }
    found
}

/// Names of structures, enums, traits and aliases that are declared more than once, with their files.
fn same_names(sources: &Sources) -> Vec<String> {
    let mut modules: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (module, text) in sources {
        for name in code(text).lines().filter_map(declared_type) {
            modules.entry(name.to_string()).or_default().push(module);
        }
    }
    let several = modules.into_iter().filter(|(_, modules)| modules.len() > 1);
    several.map(|(name, modules)| format!("{name} is in {}", modules.join(" and "))).collect()
}

/// The name of the type that a line declares; associated types do not count.
fn declared_type(line: &str) -> Option<&str> {
    let words = line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let mut words = words.skip_while(|word| ["pub", "crate", "super"].contains(word));
    let keyword = words.next().filter(|word| ["struct", "enum", "trait", "type"].contains(word))?;
    words.next().filter(|name| name.starts_with(char::is_uppercase) && (keyword != "type" || !line.starts_with(' ')))
}

/// The files that a file imports from, its tests excluded.
fn imports(module: &str, text: &str, sources: &Sources) -> BTreeSet<String> {
    let code = code(text);
    let trees = uses(&code).into_iter().flat_map(|tree| expanded(tree.trim_start_matches("pub ").trim()));
    // Paths within the code.
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let amid = code.split(|c| !is_path(c)).filter(|path| path.starts_with("crate::") || path.starts_with("super::"));
    let paths = trees.chain(amid.map(str::to_string));
    paths.filter_map(|path| file_of(module, &path, sources)).filter(|file| file != module).collect()
}

/// The code without comments and without its tests.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The text between each `use` and its semicolon.
fn uses(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find("use ") {
        let begins = rest[..at].rsplit('\n').next().unwrap_or_default().trim_start();
        rest = &rest[at + 4..];
        if begins.is_empty() || begins.starts_with("pub") {
            found.push(rest.split(';').next().unwrap_or_default());
        }
    }
    found
}

/// `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`.
fn expanded(tree: &str) -> Vec<String> {
    let Some((before, inside)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or_default().trim().to_string()];
    };
    let inside = &inside[..inside.rfind('}').unwrap_or(inside.len())];
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (i, c) in inside.char_indices().chain([(inside.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let branch = inside[start..i].trim();
                found.extend(expanded(branch).into_iter().map(|branch| format!("{}{branch}", before.trim())));
                start = i + 1;
            }
            _ => {}
        }
    }
    found
}

/// The file that declares the item at `path`, if it is in this crate; re-exports are followed.
fn file_of(module: &str, path: &str, sources: &Sources) -> Option<String> {
    let mut names: Vec<&str> = path.split("::").filter(|name| !name.is_empty()).collect();
    let mut at: Vec<&str> = module.split("::").collect();
    match names.first() {
        Some(&"crate") => at.clear(),
        Some(&"super") => {}
        Some(first) if sources.contains_key(&format!("{module}::{first}")) => names.insert(0, "self"),
        _ => return None,
    }
    let mut names = names.into_iter().peekable();
    while let Some(name) = names.next_if(|name| ["crate", "self", "super"].contains(name)) {
        if name == "super" {
            at.pop();
        }
    }
    while let Some(name) = names.next_if(|name| sources.contains_key(&[&at[..], &[name]].concat().join("::"))) {
        at.push(name);
    }
    let file = at.join("::");
    let text = sources.get(&file)?;
    let Some(name) = names.next() else { return Some(file) };
    // A re-export from a file of the folder.
    let code = code(text);
    let exports = uses(&code).into_iter().flat_map(expanded).find(|export| export.ends_with(&format!("::{name}")));
    match exports.and_then(|export| export.strip_suffix(&format!("::{name}")).map(str::to_string)) {
        Some(below) if sources.contains_key(&format!("{file}::{below}")) => Some(format!("{file}::{below}")),
        _ => Some(file),
    }
}
