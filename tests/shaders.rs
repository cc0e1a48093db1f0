//! Every shader is valid WGSL, and shares its constants and the names of its functions with its twin in Rust; shown
//! without an adapter.

use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{Expression, Literal, Module};
use warpnuts::random::Purpose;

const RANDOM: &str = include_str!("../shaders/random.wgsl");

fn parse(source: &str) -> Module {
    let module =
        naga::front::wgsl::parse_str(source).unwrap_or_else(|error| panic!("{}", error.emit_to_string(source)));
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
    validator.validate(&module).unwrap_or_else(|error| panic!("{}", error.emit_to_string(source)));
    module
}

/// The value of a constant that is an unsigned number.
fn constant(module: &Module, name: &str) -> u32 {
    let (_, constant) = module.constants.iter().find(|(_, constant)| constant.name.as_deref() == Some(name)).unwrap();
    match module.global_expressions[constant.init] {
        Expression::Literal(Literal::U32(value)) => value,
        ref other => panic!("{name} is {other:?}"),
    }
}

/// The names of all functions in a source, in order, by the word before them.
fn functions(source: &str) -> Vec<&str> {
    let lines = source.lines().map(|line| line.trim_start().trim_start_matches("pub "));
    lines.filter_map(|line| line.strip_prefix("fn ")?.split(['(', '<']).next()).collect()
}

#[test]
fn random_numbers_are_valid_wgsl() {
    let module = parse(RANDOM);
    assert_eq!(constant(&module, "ROUNDS"), 10);
}

#[test]
fn random_numbers_are_for_the_same_purposes_on_both_sides() {
    let module = parse(RANDOM);
    let purposes = [
        ("START", Purpose::Start),
        ("MOMENTUM", Purpose::Momentum),
        ("DIRECTION", Purpose::Direction),
        ("LEAF", Purpose::Leaf),
        ("JOIN", Purpose::Join),
        ("STREAM", Purpose::Stream),
    ];
    for (name, purpose) in purposes {
        assert_eq!(constant(&module, name), purpose as u32, "{name}");
    }
}

#[test]
fn twins_have_the_same_functions() {
    let twin = [functions(include_str!("../src/random.rs")), functions(include_str!("../src/math.rs"))].concat();
    for name in functions(RANDOM) {
        // Rust has the wide product that WGSL lacks.
        assert!(name == "multiply" || twin.contains(&name), "`{name}` of random.wgsl has no twin");
    }
}
