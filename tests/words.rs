//! Comments are plain English in lines of at most 120 characters: words of a private dialect stay out.

use std::path::Path;

/// The most characters of a line that holds a comment and nothing else.
const LONGEST: usize = 120;

/// Words, each with the plain one in its place.
const DIALECT: [(&str, &str); 5] = [
    ("behind", "after"),
    ("told", "given, reported, known"),
    ("tells", "says, reports, shows"),
    ("stretch", "chunk, range, run"),
    ("stretches", "chunks, ranges, runs"),
];

/// What is wrong with the comments of `text`, each complaint with its line.
fn complaints(name: &str, text: &str) -> Vec<String> {
    let lines = text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("//"));
    // A block of code cannot be wrapped, nor an address.
    let mut is_code = false;
    let of_line = |(i, line): (usize, &str)| {
        is_code ^= line.contains("```");
        let place = format!("{name}:{}", i + 1);
        let spaced: String = line.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
        let words = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
        let has = |word: &str| format!(" {words} ").contains(&format!(" {word} "));
        let dialect = DIALECT.iter().filter(move |(word, _)| has(word));
        let mut all: Vec<String> = dialect.map(|(word, plain)| format!("{place}: `{word}`; write {plain}")).collect();
        if line.contains(" Of which") {
            all.push(format!("{place}: `Of which`; write a sentence of its own"));
        }
        let length = line.chars().count();
        if length > LONGEST && !is_code && !line.contains("http") {
            all.push(format!("{place}: {length} characters"));
        }
        all
    };
    lines.flat_map(of_line).collect()
}

/// The complaints about all sources below `folder`.
fn read(root: &Path, folder: &str, all: &mut Vec<String>) {
    for entry in std::fs::read_dir(root.join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_string();
        if path.is_dir() && !name.ends_with("target") {
            read(root, &name, all);
        } else if name.ends_with(".rs") || name.ends_with(".wgsl") {
            all.extend(complaints(&name, &std::fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn comments_are_plain_and_their_lines_short() {
    let mut all = Vec::new();
    for folder in ["src", "shaders", "tests", "benches", "fuzz"] {
        read(Path::new(env!("CARGO_MANIFEST_DIR")), folder, &mut all);
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn planted_words_and_long_lines_are_found() {
    let planted =
        format!("let behind = 1;\n//  Behind it.\n// {}\n/// Sums. Of which the last.\n", "x".repeat(LONGEST));
    let expected = [
        "file.rs:2: `behind`; write after",
        "file.rs:3: 123 characters",
        "file.rs:4: `Of which`; write a sentence of its own",
    ];
    assert_eq!(complaints("file.rs", &planted), expected);
}
