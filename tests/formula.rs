//! Formulas: what they make of data, and how they are refused.

use warpnuts::data::{Frame, WantedColumn};
use warpnuts::formula::{Formula, FormulaDesign, FormulaError, ModelColumn};

/// Twelve rows of made-up data; `site` is a label that looks like a number.
const ROWS: &str = "\
y,x,x2,z,dose,arm,site,school,class,one,same,big,dose[mid],p,q,Reaction time,Größe,Intercept
1.2,0,1,0.5,low,u,1,A,a,7,k,1e149,1,a,b_c,300,1.5,3
2.5,1,3,0,low,u,2,A,a,7,k,1,2,a_b,c,310,2.5,1
4.1,2,5,2,mid,v,1,A,b,7,k,2,4,a,b,280,2,6
7.3,3,7,-1,mid,v,2,A,b,7,k,3,7,c,b_c,350,4,4
3.8,4,9,5,high,u,1,B,a,7,k,4,3,c,c,290,3,2
5.9,6,13,4,high,u,2,B,a,7,k,5,6,c,b,320,1,0
2.2,5,11,3,low,v,1,B,b,7,k,6,1,a,b,330,5,5
6.4,7,15,2,low,v,2,B,b,7,k,7,2,a,b,305,6,3
1.7,9,19,1,mid,u,1,C,a,7,k,8,4,a,b,315,2,1
3.3,8,17,6,mid,u,2,C,a,7,k,9,7,a,b,345,7,6
4.6,11,23,2,high,v,1,C,b,7,k,8,3,a,b,325,8,4
8.0,10,21,1,high,v,2,C,b,7,k,7,6,a,b,295,9,2
";

/// Every column has labels, and numbers where all its cells are.
fn frame(csv: &str) -> Frame {
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    let (mut numbers, mut labels) = (Vec::new(), Vec::new());
    for (k, name) in rows[0].iter().enumerate() {
        let cells: Vec<&str> = rows[1..].iter().map(|row| row[k]).collect();
        if let Ok(values) = cells.iter().map(|cell| cell.parse()).collect::<Result<Vec<f64>, _>>() {
            numbers.push((*name, values));
        }
        labels.push((*name, cells));
    }
    Frame::from_columns("memory", numbers, labels).unwrap()
}

fn with_references(text: &str, references: &[(&str, &str)]) -> Result<FormulaDesign, FormulaError> {
    let owned = |(column, level): &(&str, &str)| ((*column).to_owned(), (*level).to_owned());
    Formula::parse(text)?.expand(&frame(ROWS), &references.iter().map(owned).collect::<Vec<_>>())
}

fn design(text: &str) -> FormulaDesign {
    with_references(text, &[]).unwrap_or_else(|error| panic!("{error}"))
}

fn names(columns: &[ModelColumn]) -> Vec<&str> {
    columns.iter().map(|column| &column.name[..]).collect()
}

/// The values of the population-level column of this name.
fn values<'a>(design: &'a FormulaDesign, name: &str) -> &'a [f64] {
    &design.population.iter().find(|column| column.name == name).unwrap_or_else(|| panic!("no {name}")).values
}

fn assert_close(found: &[f64], expected: &[f64], within: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= within, "{found} is not {expected}");
    }
}

// Meaning

#[test]
fn a_formula_of_lme4_becomes_an_outcome_population_level_columns_and_a_term() {
    let design = design("y ~ x + (1 + x | school)");
    assert_eq!(design.outcome.name, "y");
    assert_eq!(design.outcome.values[..3], [1.2, 2.5, 4.1]);
    assert_eq!(names(&design.population), ["Intercept", "x"]);
    assert_eq!(design.population[0].values, [1.0; 12]);
    assert_eq!(design.population[1].values, [0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 5.0, 7.0, 9.0, 8.0, 11.0, 10.0]);
    let [term] = &design.terms[..] else { panic!("{:?}", design.terms) };
    assert_eq!((&term.factor[..], &term.levels[..]), ("school", &["A", "B", "C"].map(str::to_owned)[..]));
    assert_eq!(term.level_of, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    assert_eq!(names(&term.columns), ["Intercept", "x"]);
    assert_eq!(term.columns, design.population);
    assert!(term.correlated);
}

/// The columns of `model.matrix` in R: those of patsy and of formulaic, of the same names but for how they write them.
#[test]
fn columns_follow_rs_rules_for_intercepts_and_interactions() {
    for (terms, expected) in [
        ("1", "Intercept"),
        ("0 + x", "x"),
        ("x - 1", "x"),
        ("x + 0", "x"),
        ("-1 + x", "x"),
        ("x - 1 + 1", "Intercept x"),
        ("dose", "Intercept dose[mid] dose[high]"),
        ("0 + dose", "dose[low] dose[mid] dose[high]"),
        ("0 + dose + arm", "dose[low] dose[mid] dose[high] arm[v]"),
        ("0 + x + dose", "x dose[low] dose[mid] dose[high]"),
        ("x:z", "Intercept x:z"),
        ("x*z", "Intercept x z x:z"),
        ("x:arm", "Intercept x:arm[u] x:arm[v]"),
        ("x + x:arm", "Intercept x x:arm[v]"),
        ("arm + x:arm", "Intercept arm[v] arm[u]:x arm[v]:x"),
        ("0 + x:arm", "x:arm[u] x:arm[v]"),
        ("0 + x + x:arm", "x x:arm[v]"),
        ("x:z + x:arm", "Intercept x:z x:arm[u] x:arm[v]"),
        ("arm/x", "Intercept arm[v] arm[u]:x arm[v]:x"),
        ("dose*arm", "Intercept dose[mid] dose[high] arm[v] dose[mid]:arm[v] dose[high]:arm[v]"),
        ("0 + dose*arm", "dose[low] dose[mid] dose[high] arm[v] dose[mid]:arm[v] dose[high]:arm[v]"),
        ("dose/arm", "Intercept dose[mid] dose[high] dose[low]:arm[v] dose[mid]:arm[v] dose[high]:arm[v]"),
        (
            "0 + arm:dose",
            "arm[u]:dose[low] arm[v]:dose[low] arm[u]:dose[mid] arm[v]:dose[mid] arm[u]:dose[high] arm[v]:dose[high]",
        ),
        ("(x + z + arm)^2", "Intercept x z arm[v] x:z x:arm[v] z:arm[v]"),
        ("(x + z + arm)^2 - x:z - arm", "Intercept x z x:arm[v] z:arm[v]"),
        ("x:arm + z + x", "Intercept z x x:arm[v]"),
        ("x + x + (z + x)", "Intercept x z"),
        ("factor(site)*x", "Intercept factor(site)[2] x factor(site)[2]:x"),
        ("site", "Intercept site"),
        (
            "poly(x, 2):arm",
            "Intercept poly(x, 2)[1]:arm[u] poly(x, 2)[2]:arm[u] poly(x, 2)[1]:arm[v] poly(x, 2)[2]:arm[v]",
        ),
        ("log(x+1) + I( -z ^ 2/ 3)", "Intercept log(x + 1) I(-z^2/3)"),
        ("`Reaction time` + log(`Reaction time`)", "Intercept Reaction time log(`Reaction time`)"),
        ("Größe", "Intercept Größe"),
    ] {
        let design = design(&format!("y ~ {terms} + (1 | school)"));
        assert_eq!(names(&design.population).join(" "), expected, "{terms}");
    }
}

#[test]
fn dummies_and_their_products_have_the_values_of_their_cells() {
    let design = design("y ~ x*dose*arm + (1 | school)");
    assert_eq!(values(&design, "dose[high]"), [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
    assert_eq!(values(&design, "dose[high]:arm[v]"), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
    let three = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 11.0, 10.0];
    assert_eq!(values(&design, "x:dose[high]:arm[v]"), three);
}

#[test]
fn a_reference_level_replaces_the_first_and_keeps_the_order_of_the_others() {
    let design = |references: &[(&str, &str)]| with_references("y ~ dose + (0 + dose | school)", references).unwrap();
    let high = design(&[("dose", "high")]);
    assert_eq!(names(&high.population), ["Intercept", "dose[low]", "dose[mid]"]);
    assert_eq!(names(&high.terms[0].columns), ["dose[high]", "dose[low]", "dose[mid]"]);
    let first = design(&[]);
    assert_eq!(values(&high, "dose[mid]"), values(&first, "dose[mid]"));
    assert_eq!(high.terms[0].columns[0], first.terms[0].columns[2]);
    assert_eq!(design(&[("dose", "low")]), first);
    let of_numbers = with_references("y ~ factor(site) + (1 | school)", &[("site", "2")]).unwrap();
    assert_eq!(names(&of_numbers.population), ["Intercept", "factor(site)[1]"]);
}

#[test]
fn functions_have_the_values_of_r() {
    let design = design("log(y) ~ x + (1 | school)").outcome;
    assert_eq!((&design.name[..], design.values[0]), ("log(y)", 1.2_f64.ln()));
    // The values of z in the first rows are 0.5, 0, 2, -1 and 5; its mean is 25.5 / 12.
    for (call, expected) in [
        ("log2(z + 3)", [3.5_f64.log2(), 3_f64.log2(), 5_f64.log2(), 1.0, 3.0]),
        ("log10(z + 3)", [3.5_f64.log10(), 3_f64.log10(), 5_f64.log10(), 2_f64.log10(), 8_f64.log10()]),
        ("log1p(z + 2)", [3.5_f64.ln(), 3_f64.ln(), 5_f64.ln(), 2_f64.ln(), 8_f64.ln()]),
        ("exp(z)", [0.5_f64.exp(), 1.0, 2_f64.exp(), (-1_f64).exp(), 5_f64.exp()]),
        ("sqrt(z + 1)", [1.5_f64.sqrt(), 1.0, 3_f64.sqrt(), 0.0, 6_f64.sqrt()]),
        ("abs(z - 2)", [1.5, 2.0, 0.0, 3.0, 3.0]),
        ("I(-z^2)", [-0.25, 0.0, -4.0, -1.0, -25.0]),
        ("I(2^-z^2)", [2_f64.powf(-0.25), 1.0, 1.0 / 16.0, 0.5, 2_f64.powi(-25)]),
        ("I(10 - z - 2 + z / 2 / 5)", [7.55, 8.0, 6.2, 8.9, 3.5]),
        ("I(+z * (1 + 3) - -1)", [3.0, 1.0, 9.0, -3.0, 21.0]),
        ("center(z)", [-1.625, -2.125, -0.125, -3.125, 2.875]),
        // sd(z) in R.
        ("scale(z)", [-0.78561942, -1.02734847, -0.06043226, -1.51080658, 1.38994205]),
    ] {
        let design = with_references(&format!("y ~ 0 + {call} + (1 | school)"), &[]).unwrap_or_else(|e| panic!("{e}"));
        assert_close(&design.population[0].values[..5], &expected, 1e-7);
    }
}

#[test]
fn polynomials_have_the_values_of_rs_poly() {
    let rows = "y,x,g\n1,1,a\n2,2,b\n4,3,a\n8,4,b\n9,5,a\n";
    let formula = Formula::parse("y ~ poly(x, 2) + (1 | g)").unwrap();
    let design = formula.expand(&frame(rows), &[]).unwrap();
    // poly(1:5, 2), printed.
    let linear = [-0.6324555, -0.3162278, 0.0, 0.3162278, 0.6324555];
    assert_close(values(&design, "poly(x, 2)[1]"), &linear, 1e-7);
    let square = [0.5345225, -0.2672612, -0.5345225, -0.2672612, 0.5345225];
    assert_close(values(&design, "poly(x, 2)[2]"), &square, 1e-7);
}

#[test]
fn polynomials_with_a_far_value_are_orthonormal() {
    let x = |i: u64| if i < 59 { i } else { 1_000_000 };
    let rows: String = (0..60).map(|i| format!("{},{},{}\n", i * i % 7, x(i), i % 2)).collect();
    let formula = Formula::parse("y ~ poly(x, 5) + (1 | g)").unwrap();
    let design = formula.expand(&frame(&format!("y,x,g\n{rows}")), &[]).unwrap();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for (i, one) in design.population.iter().enumerate().skip(1) {
        for (j, other) in design.population.iter().enumerate() {
            let expected = f64::from(u8::from(i == j));
            let found = dot(&one.values, &other.values);
            assert!((found - expected).abs() < 1e-13, "{i} {j}: {found}");
        }
    }
}

#[test]
fn group_level_terms_are_nested_crossed_and_independent_as_in_lme4() {
    let terms = |text: &str| {
        let design = design(&format!("y ~ x + {text}"));
        let term = |term: &warpnuts::formula::DesignTerm| {
            let bar = if term.correlated { "|" } else { "||" };
            format!("{} {bar} {}: {}", names(&term.columns).join(" "), term.factor, term.levels.join(" "))
        };
        design.terms.iter().map(term).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(terms("(x | school)"), "Intercept x | school: A B C");
    assert_eq!(terms("(x || school)"), "Intercept x || school: A B C");
    assert_eq!(terms("(0 + x | school)"), "x || school: A B C");
    assert_eq!(terms("(x - 1 | school) + (1 | site)"), "x || school: A B C; Intercept || site: 1 2");
    assert_eq!(terms("((1 | school) + (0 + x | school))"), "Intercept || school: A B C; x || school: A B C");
    assert_eq!(terms("(0 + arm || school)"), "arm[u] arm[v] || school: A B C");
    let nested = "Intercept || school: A B C; Intercept || school:class: A_a A_b B_a B_b C_a C_b";
    assert_eq!(terms("(1 | school/class)"), nested);
    assert_eq!(terms("(1 | school) + (1 | school:class)"), nested);
    assert_eq!(design("y ~ (1 | class:site)").terms[0].level_of, [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
    assert_eq!(terms("(1 | class/arm/site)").matches(';').count(), 2);
}

#[test]
fn a_change_may_be_explained_by_where_it_began() {
    assert_eq!(design("I(y - x) ~ x + (1 | school)").outcome.values[1], 1.5);
}

// Columns

#[test]
fn a_formula_wants_values_and_labels() {
    let wanted = |name: &str, as_value, as_label| WantedColumn { name: name.to_owned(), as_value, as_label };
    let formula = Formula::parse("log(y) ~ x*factor(site) + site + (1 + z | g1/`g 2`)").unwrap();
    let expected = [
        wanted("y", true, false),
        wanted("x", true, false),
        wanted("site", true, true),
        wanted("z", true, false),
        wanted("g1", false, true),
        wanted("g 2", false, true),
    ];
    assert_eq!(formula.wanted(), expected);
    let in_order_of_the_text = Formula::parse("y ~ (1 + dose | g) + x + z - z").unwrap();
    let names: Vec<String> = in_order_of_the_text.wanted().into_iter().map(|column| column.name).collect();
    assert_eq!(names, ["y", "dose", "g", "x"]);
}

#[test]
fn an_unknown_column_is_marked_and_the_nearest_named() {
    let header = ["Reaction", "Days", "Subject"].map(str::to_owned);
    let missing = |text: &str| Formula::parse(text).unwrap().check_columns(&header).unwrap_err().to_string();
    let expected = "formula: there is no column `Dyas`; did you mean `Days`?\n  \
                    Reaction ~ Dyas + (1 + Days | Subject)\n             ^^^^";
    assert_eq!(missing("Reaction ~ Dyas + (1 + Days | Subject)"), expected);
    let expected = "formula: there is no column `größe`; write one of: Reaction, Days, Subject\n  \
                    Reaction ~ Days + größe + (1 | Subject)\n                    ^^^^^";
    assert_eq!(missing("Reaction ~ Days +\tgröße + (1 | Subject)\n"), expected);
    assert_eq!(Formula::parse("Reaction ~ Days + (1 | Subject)").unwrap().check_columns(&header), Ok(()));
}

// Refusals

/// Each message as a person sees it, with the formula in its second line.
#[test]
fn malformed_formulas_are_refused_with_a_caret_under_the_place() {
    let messages: Vec<&str> = include_str!("formula/refused.txt").trim_end().split("\n\n").collect();
    assert!(messages.len() > 70, "{}", messages.len());
    for empty in ["", "  \n "] {
        assert_eq!(
            Formula::parse(empty).unwrap_err().to_string(),
            "formula: there is nothing here; write an outcome, `~` and terms, as in `y ~ x + (1 | g)`\n  \n  ^"
        );
    }
    for message in messages {
        let formula = message.lines().nth(1).unwrap().trim_start();
        let found =
            with_references(formula, &[]).map(|_| "accepted".to_owned()).unwrap_or_else(|error| error.to_string());
        assert_eq!(found, message);
    }
}

#[test]
fn references_to_nothing_are_refused() {
    for (terms, references, expected) in [
        ("dose", &[("dsoe", "low")][..], "dsoe=low: the formula has no column of this name; did you mean `dose`?"),
        ("dose", &[("z", "1")], "z=1: the formula has no column of this name; write one of: dose"),
        ("dose", &[("dose", "hihg")], "dose=hihg: the column has no such level; did you mean `high`?"),
        ("dose", &[("dose", "none")], "dose=none: the column has no such level; write one of: low, mid, high"),
        (
            "dose + log(x)",
            &[("x", "1")],
            "x=1: this is a column of numbers; write `factor(x)` in the formula to take its numbers as labels",
        ),
        (
            "dose",
            &[("school", "A")],
            "school=A: this column only says which rows are of one group, which needs no reference level; leave the \
             option out",
        ),
        (
            "dose",
            &[("dose", "high"), ("dose", "low")],
            "dose=low: the column already has the reference level `high`; name one of the two",
        ),
        (
            "x",
            &[("dose", "high")],
            "dose=high: no column of the formula has words, and only such a column has a reference level; leave the \
             option out",
        ),
    ] {
        let error = with_references(&format!("y ~ {terms} + (1 | school)"), references).unwrap_err();
        assert_eq!(error.to_string(), format!("--reference {expected}"));
    }
}

#[test]
fn too_many_columns_are_refused_before_they_are_made() {
    let rows: String = (0..200).map(|i| format!("{},{i},l{i},{}\n", i * i % 11, i % 2)).collect();
    let expand = |text: &str| Formula::parse(text).unwrap().expand(&frame(&format!("y,x,id,g\n{rows}")), &[]);
    let message = |text: &str| expand(text).unwrap_err().to_string().lines().next().unwrap().to_owned();
    let population = "population-level columns, and at most 199 are possible; leave some out";
    assert_eq!(message("y ~ id + (1 | g)"), format!("formula: the terms make 200 {population}"));
    assert_eq!(message("y ~ id*factor(x) + (1 | g)"), format!("formula: the terms make 40000 {population}"));
    assert_eq!(expand("y ~ id - 1 - id + (1 | id)").unwrap().terms[0].levels.len(), 200);
    let varying = "columns that vary by group, and at most 64 are possible; leave some out";
    assert_eq!(message("y ~ (x + id || g)"), format!("formula: the term makes 201 {varying}"));
    let many = |k: usize| format!("y ~ (poly(x, {k}) | g)");
    assert_eq!(message(&many(64)), format!("formula: the term makes 65 {varying}"));
    assert_eq!(expand(&many(63)).unwrap().terms[0].columns.len(), 64);
}

/// Found by `fuzz/targets/formula.rs`: powers of powers took as many seconds as there were powers.
#[test]
fn products_without_end_are_refused() {
    let all = "(a + b + c + d + e + f + g + h)^9";
    assert!(Formula::parse(&format!("y ~ {all}:{all} + (1 | school)")).is_ok());
    let deep = (0..50).fold(all.to_owned(), |inner, _| format!("({inner})^9"));
    for terms in [deep, [all; 50].join(":"), [all; 50].join("*")] {
        let message = Formula::parse(&format!("y ~ {terms} + (1 | school)")).unwrap_err().to_string();
        assert!(
            message.starts_with("formula: this multiplies the same terms again and again; write each"),
            "{message}"
        );
    }
}

/// Found by `fuzz/targets/formula.rs`: each pair of terms was compared, and their names were sorted for each pair.
#[test]
fn terms_by_the_thousand_are_each_looked_at_once() {
    let term = |k: u32| format!("(0 + x{k} || A * B * C * D * E * F * G * H)");
    let terms: Vec<String> = (0..16).map(term).collect();
    assert!(Formula::parse(&format!("y ~ {}", terms.join(" + "))).is_ok());
    let twice = Formula::parse(&format!("y ~ {} + (x7 || C:A)", terms.join(" + "))).unwrap_err().to_string();
    assert!(twice.contains("`x7`") && twice.contains("C:A"), "{twice}");
}

#[test]
fn a_column_that_depends_on_others_is_found_without_an_intercept_too() {
    let message = |text: &str| with_references(text, &[]).unwrap_err().to_string();
    assert!(design("y ~ 0 + x + x2 + (1 | school)").population.len() == 2, "x2 is x with an offset");
    let found = message("y ~ 0 + x + I(2 * x) + (1 | school)");
    assert!(found.contains("`I(2 * x)` is a linear combination of `x`; leave one of them out"), "{found}");
    let found = message("y ~ (0 + x + x2 + I(x + x2) || school)");
    assert!(found.contains("`I(x + x2)` is a linear combination of `x` and `x2`; leave"), "{found}");
}

// Text

#[test]
fn a_formula_is_written_in_one_way() {
    for (text, expected) in [
        ("y~x*z+(x|g)", "y ~ 1 + x + z + x:z + (1 + x | g)"),
        ("y ~ (a+b)**2 - 1 + (0+x||g1/g2)", "y ~ 0 + a + b + a:b + (0 + x || g1) + (0 + x || g1:g2)"),
        ("I(y/2)~`a b`:x+log(`a b`+1.50)+(1|`g 1`)", "I(y/2) ~ 1 + log(`a b` + 1.5) + `a b`:x + (1 | `g 1`)"),
        ("y ~ poly(x,3)+factor( d )+(1|g)", "y ~ 1 + poly(x, 3) + factor(d) + (1 | g)"),
        ("y - 1e-7 ~ x.1_a + ._b + (1|.g)", "y - 1e-7 ~ 1 + x.1_a + ._b + (1 | .g)"),
    ] {
        assert_eq!(Formula::parse(text).unwrap().to_string(), expected);
    }
}

/// Formulas put together at random from their tokens: nothing panics, and what is accepted gives back itself.
#[test]
fn random_tokens_are_refused_or_give_a_formula_that_parses_to_itself() {
    let tokens = [
        "y", "x", "`a b`", "z", "1", "0", "2", "+", "-", "*", ":", "/", "^", "(", ")", "|", "||", "~", "log(", "poly(",
        ",",
    ];
    // A linear congruential generator (Knuth's MMIX).
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    let mut accepted = 0;
    for _ in 0..100_000 {
        let inner: Vec<&str> = (0..1 + random(9)).map(|_| tokens[random(tokens.len())]).collect();
        let text = format!("y ~ {} + (1 | g)", inner.join(" "));
        if let Ok(formula) = Formula::parse(&text) {
            accepted += 1;
            let again = Formula::parse(&formula.to_string());
            assert_eq!(again.as_ref(), Ok(&formula), "{text}");
        }
    }
    assert!(accepted > 1000, "{accepted}");
}
