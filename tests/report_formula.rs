//! report.html of formulas: forests by term, ellipses of correlations, and what is left out.

use std::path::PathBuf;

use serde_json::Value;
use warpnuts::experiment::Sampled;

use crate::helpers::browser::{self, Look, open};
use crate::helpers::common::{Folder, Ran};
use crate::helpers::pages::{OF_A_RUN, figure, is_complete, run};

/// A run of a formula over a file of tests/cases, and its page.
fn page(folder: &Folder, file: &str, formula: &str, options: &str) -> PathBuf {
    let data = format!("{}/tests/cases/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut command =
        folder.command(&format!("sample --chains 4 --warmup 200 --draws 200 {options} --quiet --out out"));
    let ran = Ran::of(command.args(["--data", &data, "--formula", formula]));
    assert!([0, 3].contains(&ran.code), "{formula}: {ran:?}");
    folder.path("out/report.html")
}

/// Chooses a coefficient in the forest, and returns the names of all, and what the forest shows then.
fn choose(coefficient: usize) -> String {
    format!(
        r#"
        const forest = document.getElementById("forest");
        const select = forest.querySelector("select");
        select.value = {coefficient};
        select.dispatchEvent(new Event("change"));
        const groups = [...forest.querySelectorAll('.panels [aria-label="text"] title')].map((title) => title.textContent);
        return {{ names: [...select.options].map((option) => option.textContent), groups, text: forest.querySelector(".panels").textContent }};"#
    )
}

/// The rows of a figure's CSV that begin with `coefficient`, a name with a comma.
fn rows<'a>(found: &'a Value, id: &str, coefficient: &str) -> Vec<Vec<&'a str>> {
    let csv = figure(found, id)["csv"].as_str().unwrap();
    let of = csv.lines().filter_map(|line| line.strip_prefix(&format!("\"{coefficient}\",")));
    of.map(|row| row.split(',').collect()).collect()
}

#[test]
fn correlated_coefficients_are_between_no_pooling_and_complete_pooling() {
    if !browser::is_there() {
        return;
    }
    let folder = Folder::new();
    let formula = "Reaction ~ 1 + Days + (1 + Days | Subject)";
    let page = page(&folder, "01-sleepstudy.csv", formula, "");
    let found = open(&page, &Look { extra: &choose(0), ..Look::default() });
    is_complete(&found, &[&OF_A_RUN[..17], &["correlation-1"]].concat());
    assert!(found["data"]["title"].as_str().unwrap().starts_with(formula), "{}", found["data"]["title"]);
    let extra = &found["extra"];
    assert_eq!(extra["names"], serde_json::json!(["r_Subject[,Intercept]", "r_Subject[,Days]"]));
    assert!(extra["text"].as_str().unwrap().contains("r_Subject[,Intercept]"));
    // R: coef(lm(Reaction ~ Days, sleepstudy, Subject == 308)), and 335.
    let own = [("308", [244.192_7, 21.764_7]), ("335", [263.034_7, -2.881_0])];
    let parameters = &found["data"]["summary"]["runs"][0]["summary"]["parameters"];
    for (k, column) in ["Intercept", "Days"].into_iter().enumerate() {
        let population = parameters[format!("b_{column}")]["mean"].as_f64().unwrap();
        let rows = rows(&found, "forest", &format!("r_Subject[,{column}]"));
        assert_eq!(rows.len(), 18);
        for (subject, own) in own {
            let row = rows.iter().find(|row| row[1] == subject).unwrap();
            let [mean, shown]: [f64; 2] = [3, 8].map(|i| row[i].parse().unwrap());
            assert!((shown - (own[k] - population)).abs() < 0.02, "{subject}, {column}: {row:?}, from {population}");
            if column == "Days" {
                assert!(shown * mean > 0.0 && mean.abs() < shown.abs(), "{row:?} is pulled to 0");
            }
        }
    }
    let caption = figure(&found, "correlation-1")["caption"].as_str().unwrap();
    assert!(
        caption.contains("cor_Subject__Intercept__Days is 0.") && caption.contains("of the 18 posterior"),
        "{caption}"
    );
    let title = figure(&found, "funnel")["title"].as_str().unwrap();
    let shown = title.split(['[', ']', ',']).nth(2).unwrap();
    assert_eq!(title, format!("The funnel: r_Subject[308,{shown}] against sd_Subject__{shown}"));
    // Its draws are all of this variable's.
    let csv = figure(&found, "funnel")["csv"].as_str().unwrap();
    let draws = csv.lines().filter_map(|line| line.strip_prefix("marginal,0,")?.split(',').next()?.parse::<f64>().ok());
    let draws: Vec<f64> = draws.collect();
    let mean = draws.iter().sum::<f64>() / draws.len() as f64;
    let of_forest = rows(&found, "forest", &format!("r_Subject[,{shown}]"));
    let of_forest: f64 = of_forest.iter().find(|row| row[1] == "308").unwrap()[3].parse().unwrap();
    assert!(draws.len() == 800 && (mean - of_forest).abs() < 0.01, "{} draws, {mean}, {of_forest}", draws.len());
    assert!(figure(&found, "funnel-offset")["title"].as_str().unwrap().contains("r_Subject_offset[308,"));
    assert_eq!(found["data"]["omitted"].as_array().unwrap().len(), 1, "no replicates were kept");
}

#[test]
fn each_factor_has_groups_of_its_own() {
    if !browser::is_there() {
        return;
    }
    let folder = Folder::new();
    let page = page(&folder, "27-pastes.csv", "strength ~ 1 + (1 | batch/cask)", "--funnel-group B_c");
    let found = open(&page, &Look { extra: &choose(0), ..Look::default() });
    let without_columns: Vec<&str> =
        OF_A_RUN[..17].iter().copied().filter(|id| !["columns", "average-effects"].contains(id)).collect();
    is_complete(&found, &without_columns);
    assert_eq!(found["extra"]["names"], serde_json::json!(["r_batch[,Intercept]", "r_batch:cask[,Intercept]"]));
    let groups = found["extra"]["groups"].as_array().unwrap();
    assert!(groups.len() == 10 && groups.iter().all(|group| group.as_str().unwrap().len() == 1), "{groups:?}");
    for (name, count, size) in [("r_batch[,Intercept]", 10, "6"), ("r_batch:cask[,Intercept]", 30, "2")] {
        let rows = rows(&found, "forest", name);
        assert!(rows.len() == count && rows.iter().all(|row| row[2] == size && row[8].is_empty()), "{name}: {rows:?}");
    }
    let caption = figure(&found, "forest")["caption"].as_str().unwrap();
    assert!(caption.contains("no rings") && caption.contains("of each of batch and batch:cask"), "{caption}");
    // The coefficient is of the factor of the group that was asked for.
    let funnel = figure(&found, "funnel");
    assert!(funnel["title"].as_str().unwrap().contains("r_batch:cask[B_c,Intercept] against sd_batch:cask__Intercept"));
    assert!(funnel["caption"].as_str().unwrap().contains("B_c has 2 observations (asked for)"));
    let omitted = found["data"]["omitted"].to_string();
    assert!(omitted.contains("no figure of correlations"), "{omitted}");
}

#[test]
fn many_coefficients_of_a_term_leave_the_page_whole() {
    if !browser::is_there() {
        return;
    }
    let file = "01-sleepstudy.csv";
    let three = "Reaction ~ Days + (1 + Days + I(Days^2) | Subject)";
    let found = open(&page(&Folder::new(), file, three, ""), &Look { width: 500, ..Look::default() });
    is_complete(&found, &[&OF_A_RUN[..17], &["correlation-1"]].concat());
    let caption = figure(&found, "correlation-1")["caption"].as_str().unwrap();
    for name in ["Intercept__Days", "Intercept__I(Days^2)", "Days__I(Days^2)"] {
        assert!(caption.contains(&format!("cor_Subject__{name} is ")), "{caption}");
    }
    // 18 hyperparameters.
    let five = "Reaction ~ Days + (1 + Days + I(Days^2) + log1p(Days) + sqrt(Days) | Subject)";
    let found = open(&page(&Folder::new(), file, five, ""), &Look::default());
    is_complete(&found, &OF_A_RUN[..17]);
    let omitted = found["data"]["omitted"].to_string();
    assert!(omitted.contains("by Subject are not drawn: the term has 5 coefficients"), "{omitted}");
}

#[test]
fn expectations_over_columns_are_those_of_the_draws() {
    if !browser::is_there() {
        return;
    }
    let folder = Folder::new();
    let rows: String = (0..60)
        .map(|i| {
            let (x, dose, g) = (f64::from(i % 10), ["low", "mid", "high"][i as usize % 3], i % 6);
            let noise = f64::from(i * 37 % 41) / 41.0;
            format!("{},{x},{dose},g{g}\n", 2.0 * x + f64::from(i % 3) + f64::from(g) + noise)
        })
        .collect();
    std::fs::write(folder.path("t.csv"), format!("y,x,dose,g\n{rows}")).unwrap();
    let path = run(&folder, "sample --data t.csv --formula y~x+dose+(1|g) --chains 4 --draws 250");
    let found = open(&path, &Look::default());
    let summary: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path("out/summary.json")).unwrap()).unwrap();
    let mean = |name: &str| summary["parameters"][name]["mean"].as_f64().unwrap();
    let columns = figure(&found, "columns");
    let csv: Vec<Vec<&str>> = columns["csv"].as_str().unwrap().lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(csv[0], ["column", "at", "mean", "q05", "q95"]);
    let at = |column: &str, at: &str| {
        let line = csv.iter().find(|line| line[0] == column && line[1] == at);
        line.unwrap_or_else(|| panic!("no {column} at {at}: {csv:?}"))[2].parse::<f64>().unwrap()
    };
    // The means are over all draws, and all of them are drawn.
    assert!((at("x", "9") - at("x", "0") - 9.0 * mean("b_x")).abs() < 1e-3, "{csv:?}");
    assert!((at("dose", "high") - at("dose", "low") - mean("b_dose[high]")).abs() < 1e-3, "{csv:?}");
    assert!((at("dose", "low") - mean("b_Intercept") - 4.5 * mean("b_x")).abs() < 1e-3, "{csv:?}");
    assert!(columns["caption"].as_str().unwrap().contains("from 0 to 9"), "{}", columns["caption"]);
    // The effect of an sd of x, and of each level against the reference; slopes are the same everywhere, and so is what
    // is conditional.
    let effects = figure(&found, "average-effects");
    let csv: Vec<Vec<String>> = csv::Reader::from_reader(effects["csv"].as_str().unwrap().as_bytes())
        .records()
        .map(|record| record.unwrap().iter().map(str::to_string).collect())
        .collect();
    let sd_of_x = (8.25f64 * 60.0 / 59.0).sqrt();
    let expected = [
        ("x, 1 sd (2.90)", "b_x", sd_of_x),
        ("dose, mid - low", "b_dose[mid]", 1.0),
        ("dose, high - low", "b_dose[high]", 1.0),
    ];
    let stored = Sampled::open(&folder.path("out")).unwrap();
    let is_positive = |variable: &str| {
        let draws = stored.draws.variable(stored.names.iter().position(|name| name == variable).unwrap());
        draws.iter().filter(|value| **value > 0.0).count() as f64 / draws.len() as f64
    };
    assert_eq!(csv.len(), 2 * expected.len(), "{csv:?}");
    for (rows, (name, variable, step)) in csv.chunks(2).zip(expected) {
        for (row, of) in rows.iter().zip(["average", "conditional"]) {
            assert_eq!((&row[0][..], &row[1][..]), (name, of));
            assert!((row[2].parse::<f64>().unwrap() - step * mean(variable)).abs() < 1e-3, "{row:?}");
        }
        let share = is_positive(variable);
        assert_eq!(rows[0][5].parse::<f64>().unwrap(), share.max(1.0 - share), "{rows:?}");
    }
}
