//! Assembly of shaders: a header of constants, an entry's WGSL, and every source whose names the entry uses, directly
//! or not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// A piece of WGSL: a file, or a structure that Rust declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Its name in error messages.
    pub name: &'static str,
    /// Its declarations.
    pub text: &'static str,
}

/// The [`Source`] of this file in `shaders/`.
macro_rules! source {
    ($file:literal) => {
        $crate::gpu::Source { name: $file, text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $file)) }
    };
}
pub(crate) use source;

/// Declares a structure, in Rust and in WGSL, whose members are 32-bit numbers or such structures.
macro_rules! shared_struct {
    ($(#[$about:meta])* pub struct $name:ident { $($(#[$doc:meta])* pub $member:ident: $type:ident,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Default, bytemuck::Pod, bytemuck::Zeroable)]
        #[repr(C)]
        pub struct $name { $($(#[$doc])* pub $member: $type,)+ }

        impl $name {
            /// The structure's declaration in WGSL.
            pub const SOURCE: $crate::gpu::Source = $crate::gpu::Source {
                name: stringify!($name),
                text: concat!("struct ", stringify!($name), " {", $(stringify!($member), ": ", stringify!($type), ", ",)+ "}\n"),
            };
        }

        // Ensures that members have the same offsets in WGSL.
        const _: () = assert!(align_of::<$name>() == 4);
    };
}
pub(crate) use shared_struct;

/// Constants at the beginning of a shader.
#[derive(Debug, Clone, Default)]
pub struct ShaderHeader {
    text: String,
    numbers: BTreeMap<String, u32>,
}

impl ShaderHeader {
    /// Adds `const NAME = VALUEu`.
    pub fn number(mut self, name: &str, value: u32) -> ShaderHeader {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "const {name} = {value}u;");
        self.numbers.insert(name.to_string(), value);
        self
    }

    /// Adds `const NAME = VALUE`, an abstract float.
    pub fn real(mut self, name: &str, value: f64) -> ShaderHeader {
        let _ = writeln!(self.text, "const {name} = {value:?};");
        self
    }

    /// Adds `const NAME = vec2<u32>(...)`.
    pub fn pair(mut self, name: &str, [x, y]: [u32; 2]) -> ShaderHeader {
        let _ = writeln!(self.text, "const {name} = vec2<u32>({x}u, {y}u);");
        self
    }

    /// The text of a shader: the constants, the sources of `library` whose names `entry` uses, directly or not, then
    /// `entry`; loops over `unrolled` numbers of the header are unrolled. A name that no source declares is refused
    /// later, by the compiler of WGSL.
    ///
    /// # Panics
    /// If two sources declare the same name, or a loop is over an `unrolled` number that the header does not have.
    pub fn shader(&self, entry: Source, library: &[Source]) -> String {
        let sources: Vec<(&str, Names)> =
            [&[entry], library].concat().iter().map(|source| (source.text, Names::of(source.text))).collect();
        let mut providers = BTreeMap::new();
        for (i, (_, names)) in sources.iter().enumerate() {
            for name in &names.provides {
                let other = providers.insert(*name, i);
                let source = |i: usize| if i == 0 { entry.name } else { library[i - 1].name };
                assert!(other.is_none(), "`{name}` is in {} and in {}", source(other.unwrap_or(i)), source(i));
            }
        }
        let mut text = vec![self.text.as_str()];
        visit(0, &sources, &providers, &mut BTreeSet::new(), &mut text);
        unrolled(&text.join("\n"), &self.numbers)
    }
}

/// Adds the sources whose names source `i` uses, then source `i`, unless visited already.
fn visit<'a>(
    i: usize,
    sources: &[(&'a str, Names)],
    providers: &BTreeMap<&str, usize>,
    visited: &mut BTreeSet<usize>,
    text: &mut Vec<&'a str>,
) {
    if visited.insert(i) {
        for name in &sources[i].1.wants {
            if let Some(provider) = providers.get(name) {
                visit(*provider, sources, providers, visited, text);
            }
        }
        text.push(sources[i].0);
    }
}

/// The text with every `for (var i = 0u; i < unrolled(NUMBER); i++) {` unrolled, a block for each iteration: drivers
/// unroll such loops too, but only after they have decided what an exchange between lanes needs within a loop.
fn unrolled(text: &str, numbers: &BTreeMap<String, u32>) -> String {
    let mut lines = text.lines();
    let mut out = String::with_capacity(text.len());
    while let Some(line) = lines.next() {
        let words: Vec<&str> = tokens(line).collect();
        let ["for", "(", "var", i, "=", .., "unrolled", "(", number, ")", ";", _, "+", "+", ")", "{"] = words[..]
        else {
            out.extend([line, "\n"]);
            continue;
        };
        let turns = numbers.get(number).unwrap_or_else(|| panic!("the header has no {number}: {line}"));
        let indent = &line[..line.len() - line.trim_start().len()];
        let body: Vec<&str> = lines.by_ref().take_while(|line| line.strip_prefix(indent) != Some("}")).collect();
        let body = body.join("\n");
        for turn in 0..*turns {
            let body = replaced(&body, i, &format!("{turn}u"));
            out.extend([indent, "{\n", &unrolled(&body, numbers), indent, "}\n"]);
        }
    }
    out
}

/// The text with `by` in place of each word `word`.
fn replaced(text: &str, word: &str, by: &str) -> String {
    let pieces = text.split_inclusive(|c| !in_word(c)).map(|piece| match piece.strip_prefix(word) {
        Some(rest) if !rest.starts_with(in_word) => [by, rest],
        _ => ["", piece],
    });
    pieces.flatten().collect()
}

/// The names in a source.
#[derive(Default)]
struct Names<'a> {
    /// The names that the source declares at module scope.
    provides: BTreeSet<&'a str>,
    /// The names that the source uses, except locals, members and attributes; names that WGSL itself defines are
    /// included.
    wants: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(text: &'a str) -> Names<'a> {
        let mut names = Names::default();
        // The locals and the used names of the current declaration at module scope.
        let (mut locals, mut used) = (BTreeSet::new(), BTreeSet::new());
        let (mut depth, mut before) = (0, "");
        let mut tokens = tokens(text).peekable();
        while let Some(token) = tokens.next() {
            match token {
                "{" => depth += 1,
                "}" => depth -= 1,
                "fn" | "struct" | "alias" | "override" | "const" | "var" | "let" => {
                    if tokens.peek() == Some(&"<") {
                        // Skips an address space.
                        tokens.find(|token| *token == ">");
                    }
                    let declared = if depth == 0 { &mut names.provides } else { &mut locals };
                    declared.extend(tokens.next());
                }
                _ if tokens.peek() == Some(&":") => drop(locals.insert(token)),
                _ if is_name(token) && before != "." && before != "@" => drop(used.insert(token)),
                _ => {}
            }
            if depth == 0 && matches!(token, "}" | ";") {
                names.wants.extend(used.difference(&locals));
                locals.clear();
                used.clear();
            }
            before = token;
        }
        names
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Words, numbers and single signs; comments are skipped.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.flat_map(move |line| {
        let mut rest = line.trim_start();
        std::iter::from_fn(move || {
            let length = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
            let (token, after) = rest.split_at_checked(length.max(1))?;
            rest = after.trim_start();
            Some(token)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn source(name: &'static str, text: &'static str) -> Source {
        Source { name, text }
    }

    #[test]
    fn a_shader_has_what_its_entry_uses_and_nothing_else() {
        let entry =
            source("entry", "@compute @workgroup_size(1) fn entry() { let far = 1u; total = twice(a.other) + far; }");
        let library = [
            source("state", "var<private> total: f32; // far"),
            source("twice", "fn twice(x: f32) -> f32 { return x * TWO; }"),
            source("far", "fn far() {}"),
            source("other", "struct other { entry: u32 }"),
            source("two", "const TWO = 2.0;\nfn back() { entry(); }"),
        ];
        let text = ShaderHeader::default().number("ONE", 1).shader(entry, &library);
        let expected = ["const ONE = 1u;\n", library[0].text, library[4].text, library[1].text, entry.text];
        assert_eq!(text, expected.join("\n") + "\n");
    }

    #[test]
    fn loops_over_an_unrolled_number_are_written_out() {
        let entry = source(
            "entry",
            "fn entry() {\n    for (var i = 0u; i < unrolled(TWO); i++) {\n        total += at(i) + it.x;\n        \
             for (var j = 0u; j < unrolled(ONE); j++) {\n            far(i, j);\n        }\n    }\n    for (var i = 0u; i < TWO; i++) {}\n}",
        );
        let text = ShaderHeader::default().number("ONE", 1).number("TWO", 2).shader(entry, &[]);
        let turn = |i: u32| {
            format!(
                "    {{\n        total += at({i}u) + it.x;\n        {{\n            far({i}u, 0u);\n        }}\n    }}\n"
            )
        };
        let head = "const ONE = 1u;\nconst TWO = 2u;\n\nfn entry() {\n";
        assert_eq!(text, [head, &turn(0), &turn(1), "    for (var i = 0u; i < TWO; i++) {}\n}\n"].concat());
    }

    #[test]
    fn a_name_that_nothing_declares_is_refused_by_whoever_compiles_it() {
        let text =
            ShaderHeader::default().shader(source("entry", "@compute @workgroup_size(1) fn entry() { once(); }"), &[]);
        let error = wgpu::naga::front::wgsl::parse_str(&text).unwrap_err().emit_to_string(&text);
        assert!(error.contains("no definition in scope for identifier: `once`"), "{error}");
    }

    #[test]
    #[should_panic(expected = "`twice` is in second and in third")]
    fn two_sources_of_one_name_are_an_error() {
        let twice = "fn twice() {}";
        ShaderHeader::default()
            .shader(source("first", "fn once() {}"), &[source("second", twice), source("third", twice)]);
    }
}
