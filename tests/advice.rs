//! Every proposal of a warning is applied to a case that raises the warning, and must improve the case.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::helpers::common::Folder;

/// Warnings, and command lines that must raise them.
const CASES: [(&str, &str); 21] = [
    ("sentinel", "--data marked.csv --group town --outcome rain"),
    ("far-predictor", "--data years.csv --group town --outcome rain --predictor year --center-predictors no"),
    ("narrow-prior", "--data years.csv --group town --outcome rain --prior-mu-sd 5"),
    ("divergences", "--parameterization centered"),
    ("divergences", "--parameterization marginal --target-accept 0.3"),
    ("nested-rhat", "--parameterization non-centered --chains 64 --warmup 5 --draws 8"),
    ("rhat", "--parameterization centered"),
    ("rhat", "--parameterization marginal --chains 4 --warmup 20 --draws 30"),
    ("short-warmup", "--parameterization non-centered --chains 64 --warmup 100 --draws 50"),
    ("too-short", "--sampler nuts --draws 3"),
    ("few-draws", "--draws 20"),
    ("ess", "--parameterization centered"),
    ("ess", "--sampler nuts --chains 4 --draws 150"),
    ("goal", "--sampler nuts --chains 4 --draws 700 --until ess=2500"),
    ("one-chain", "--sampler nuts --chains 1 --draws 4000"),
    ("tree-depth", "--parameterization non-centered --max-tree-depth 2"),
    ("tree-depth", "--parameterization marginal --max-tree-depth 1"),
    ("energy", "--data halves.csv --group g --outcome y --predictor x --parameterization centered"),
    ("acceptance", "--parameterization non-centered --warmup 3 --target-accept 0.99 --draws 100"),
    ("rhat", "--parameterization centered --likelihood observations"),
    ("energy", "--parameterization a=centered,b=centered --chains 8"),
];

/// Warnings without options, because none would help.
const WITHOUT_PROPOSALS: [&str; 14] = [
    "interrupted",
    "one-row-a-group",
    "few-groups",
    "constant-within-groups",
    "discrete-outcome",
    "labels-alike",
    "minor-mode",
    "modes",
    "noise-by-level",
    "skewed-noise",
    "bounded-outcome",
    "rounded-outcome",
    "underdispersion",
    "family-shape",
];

/// Warnings that `tests/checks.rs` and `tests/family_checks.rs` try.
const TRIED_ELSEWHERE: [&str; 3] = ["noise-grows", "heavy-tails", "overdispersion"];

/// Outcomes of ten towns over twenty calendar years.
fn years() -> String {
    let wave = |i: i32, f: f64| (f * (f64::from(i) + 0.5)).sin();
    let rows = (0..10).flat_map(|town| (2001..2021).map(move |year| (town, year)));
    let line = |(town, year): (i32, i32)| {
        let rain = 700.0 + 50.0 * wave(town, 2.1) + (4.0 + wave(town, 5.3)) * f64::from(year - 2010);
        format!("{town},{year},{}\n", rain + 30.0 * wave(20 * town + year, 7.7))
    };
    "town,year,rain\n".to_string() + &rows.map(line).collect::<String>()
}

/// The options of a command line with their values; the last use of an option counts.
fn options(line: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut words = line.split_whitespace().peekable();
    while let Some(option) = words.next() {
        all.insert(option, std::iter::from_fn(|| words.next_if(|word| !word.starts_with("--"))).collect());
    }
    all
}

fn summary(folder: &Folder, line: &str, out: &str) -> Value {
    let ran = folder.run(&format!("sample {line} --no-report --keep hyper --engine cpu --out {out}"));
    assert!([0, 3].contains(&ran.code), "{line}: {}{}", ran.stdout, ran.stderr);
    let summary: Value =
        serde_json::from_slice(&std::fs::read(folder.path(out).join("summary.json")).unwrap()).unwrap();
    for warning in summary["warnings"].as_array().unwrap() {
        let said = format!("warning: {}.\n  What to do: {}.", text(&warning["problem"]), text(&warning["remedy"]));
        assert!(ran.stdout.contains(&said), "{said} is not in {}", ran.stdout);
    }
    summary
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn warning<'a>(summary: &'a Value, kind: &str) -> Option<&'a Value> {
    summary["warnings"].as_array().unwrap().iter().find(|warning| warning["kind"] == kind)
}

/// The severity of a problem: the number that its warning is about, or 1 if the warning is raised and 0 if not.
fn severity(kind: &str, summary: &Value) -> f64 {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let draws = number(&summary["draws"]) * number(&summary["settings"]["chains"]);
    match kind {
        "divergences" => number(&summary["divergences"]) / draws,
        "rhat" => number(&summary["max_rhat"]["value"]),
        "ess" => -number(&summary["min_ess_bulk"]["value"]).min(number(&summary["min_ess_tail"]["value"])),
        "tree-depth" => number(&summary["reached_max_treedepth"]) / draws,
        "energy" => -number(&summary["e_bfmi"]["min"]),
        _ => f64::from(u8::from(warning(summary, kind).is_some())),
    }
}

#[test]
fn every_proposal_improves_what_called_for_it() {
    let folder = Folder::with("years.csv", years());
    std::fs::write(folder.path("halves.csv"), include_str!("cases/17b-half-singletons.csv")).unwrap();
    let mark = |csv: String, row: &str| csv.replacen(row, &format!("{row}-99999\n{row}"), 1);
    let marked = mark(mark(years(), "\n3,2009,"), "\n5,2004,");
    std::fs::write(folder.path("marked.csv"), marked).unwrap();
    // Several warnings come of one line, and several lines lead to another one.
    let mut summaries: BTreeMap<String, Value> = BTreeMap::new();
    let mut summary_of = |typed: &BTreeMap<&str, Vec<&str>>| {
        let words = typed.iter().map(|(option, values)| format!("{option} {}", values.join(" ")));
        let line = words.collect::<Vec<String>>().join(" ");
        let out = format!("run-{}", summaries.len());
        summaries.entry(line).or_insert_with_key(|line| summary(&folder, line, &out)).clone()
    };
    for (kind, line) in CASES {
        let before = summary_of(&options(line));
        let raised = warning(&before, kind);
        let raised = raised.unwrap_or_else(|| panic!("{line} raises no {kind}: {}", before["warnings"]));
        let proposals = raised["proposals"].as_array().unwrap_or_else(|| panic!("{kind} proposes nothing"));
        for proposal in proposals.iter().map(text) {
            assert!(text(&raised["remedy"]).replace('"', "").contains(proposal), "{raised}");
            let mut typed = options(line);
            typed.extend(options(proposal));
            let after = summary_of(&typed);
            let severities = [&before, &after].map(|summary| severity(kind, summary));
            assert!(severities[1] < severities[0], "{proposal} does not help {kind} on {line:?}: {severities:?}");
            assert_eq!(warning(&after, kind), None, "{proposal} leaves {kind} on {line:?}");
        }
    }
    assert!(summaries.len() > CASES.len(), "{:?}", summaries.keys());
}

#[test]
fn every_warning_is_in_the_page_about_trust_and_is_tried_or_proposes_nothing() {
    let page = include_str!("../docs/trust.md");
    let sources = [
        include_str!("../src/summary/advice.rs"),
        include_str!("../src/summary/design.rs"),
        include_str!("../src/summary/modes.rs"),
        include_str!("../src/checks/advice.rs"),
        include_str!("../src/checks/families.rs"),
    ];
    let text = sources.concat();
    let said = text.split("say(").skip(1).map(str::trim_start).filter_map(|rest| rest.strip_prefix('"'));
    let made = text.split("kind: \"").skip(1).chain(text.split("about_data(\"").skip(1));
    let kinds: Vec<&str> = said.chain(made).filter_map(|rest| rest.split('"').next()).collect();
    assert!(kinds.len() >= 29, "{kinds:?}");
    for kind in kinds {
        assert!(page.contains(&format!("`{kind}`")), "{kind} is not in docs/trust.md");
        let tried = CASES.iter().any(|(other, _)| *other == kind) || TRIED_ELSEWHERE.contains(&kind);
        assert!(tried != WITHOUT_PROPOSALS.contains(&kind), "{kind} is tried: {tried}");
    }
}
