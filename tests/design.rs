//! Judgments from the data alone: no noise, parameters that are not identified, a zero far away, and wide priors.

use warpnuts::data::{Centring, Columns, DataError, Dataset, Discrete};
use warpnuts::model::PriorScales;
use warpnuts::random::{Purpose, StreamKey};
use warpnuts::summary::advice;

/// Four groups of six rows: x from 0 to 5, and y on each group's own line, plus `noise` times standard normal deviates.
fn lines(noise: f64, offset: f64, slopes: f64) -> Result<Dataset, DataError> {
    let mut normals = vec![0.0; 24];
    StreamKey { seed: 4, chain: 0, transition: 0 }.normals(Purpose::Stream, &mut normals);
    let labels: Vec<String> = (0..24).map(|i| format!("g{}", i / 6)).collect();
    let x: Vec<f64> = (0..24).map(|i| f64::from(i % 6)).collect();
    let line = |i: usize| offset + 3.0 * (i / 6) as f64 + slopes * (1.0 + 0.3 * (i / 6) as f64) * x[i];
    let y = (0..24).map(|i| line(i) + noise * normals[i]).collect();
    Dataset::from_columns("lines.csv", "g", "y", &["x"], &labels, y, vec![x])
}

fn plain(rows: &[(&str, f64)]) -> Result<Dataset, DataError> {
    let labels: Vec<&str> = rows.iter().map(|row| row.0).collect();
    let y = rows.iter().map(|row| row.1).collect();
    let none: [&str; 0] = [];
    Dataset::from_columns("plain.csv", "g", "y", &none, &labels, y, vec![])
}

fn with_predictor(rows: &[(&str, f64, f64)]) -> Dataset {
    let labels: Vec<&str> = rows.iter().map(|row| row.0).collect();
    let column = |value: fn(&(&str, f64, f64)) -> f64| rows.iter().map(value).collect::<Vec<f64>>();
    Dataset::from_columns("t.csv", "g", "y", &["x"], &labels, column(|row| row.2), vec![column(|row| row.1)]).unwrap()
}

// No noise

#[test]
fn lines_without_noise_are_refused_and_a_millionth_of_noise_is_not() {
    for offset in [0.0, 10.0, 1e6] {
        let error = lines(0.0, offset, 2.0).unwrap_err();
        assert!(matches!(error, DataError::NoNoise { .. }), "{error}");
        assert!(error.to_string().contains("`y`") && error.to_string().contains("leave a predictor out"), "{error}");
    }
    for (noise, offset) in [(1e-6, 0.0), (1e-6, 10.0), (2e-5, 1e4), (1.0, 1e9), (1e-3, 1e9)] {
        assert!(lines(noise, offset, 2.0).is_ok(), "noise {noise} at {offset}");
    }
    // Neither slopes nor the rounding of a large outcome on a line are noise.
    assert!(lines(0.0, 1e9, 1e-3).is_err());
    assert!(lines(0.0, 0.0, 1e100).is_err() && lines(1e95, 0.0, 1e100).is_ok());
}

#[test]
fn an_outcome_that_is_constant_in_every_group_is_refused() {
    let constant = [("a", 1.0), ("a", 1.0), ("b", 2.5), ("b", 2.5), ("c", 0.1), ("c", 0.1)];
    let error = plain(&constant).unwrap_err();
    assert!(matches!(error, DataError::ConstantWithinGroups { .. }), "{error}");
    let mut noisy = constant;
    noisy[5].1 += 1e-6;
    assert!(plain(&noisy).is_ok());
    let mut rounded = constant;
    rounded[5].1 += 1e-17;
    assert!(plain(&rounded).is_err());
    // A predictor that varies makes no noise.
    let labels = ["a", "a", "a", "b", "b", "b"];
    let (x, y) = (vec![1.0, 2.0, 4.0, 1.0, 3.0, 4.0], vec![1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
    let error = Dataset::from_columns("t.csv", "g", "y", &["x"], &labels, y, vec![x]).unwrap_err();
    assert!(matches!(error, DataError::ConstantWithinGroups { .. }), "{error}");
}

#[test]
fn noise_in_one_group_is_noise() {
    let mut rows = vec![("a", 1.0); 50];
    rows.extend(vec![("b", 2.0); 50]);
    rows.extend([("c", 3.0), ("c", 3.001)]);
    assert!(plain(&rows).is_ok());
}

#[test]
fn groups_that_have_no_rows_to_spare_are_not_judged() {
    assert!(plain(&[("a", 1.0), ("b", 2.0), ("c", 5.0)]).is_ok());
    let two = [("a", 0.0, 1.0), ("a", 1.0, 2.0), ("b", 0.0, 0.5), ("b", 1.0, 2.5), ("c", 0.0, 1.5), ("c", 1.0, 0.5)];
    assert_eq!(with_predictor(&two).n_observations(), 6);
}

// Designs that do not identify parameters

#[test]
fn one_row_a_group_is_seen_and_two_are_not() {
    let single = plain(&[("a", 1.0), ("b", 2.0), ("c", 5.5), ("d", 3.1)]).unwrap();
    assert!(single.design().one_row_a_group);
    let one_more = plain(&[("a", 1.0), ("b", 2.0), ("c", 5.5), ("d", 3.1), ("d", 3.4)]).unwrap();
    assert!(!one_more.design().one_row_a_group);
}

#[test]
fn two_and_three_groups_are_few() {
    let groups = |labels: &[&'static str]| {
        let rows = labels.iter().flat_map(|label| (0..3).map(|i| (*label, (1.7 * f64::from(i)).sin())));
        plain(&rows.collect::<Vec<_>>()).unwrap().design().few_groups
    };
    assert_eq!(
        [groups(&["a", "b"]), groups(&["a", "b", "c"]), groups(&["a", "b", "c", "d"])],
        [Some(2), Some(3), None]
    );
}

#[test]
fn a_predictor_of_groups_is_named() {
    let rows = [("a", 0.1, 1.0), ("a", 0.1, 2.0), ("b", 0.3, 0.5), ("b", 0.3, 2.5), ("c", 0.7, 1.5), ("c", 0.7, 0.5)];
    assert_eq!(with_predictor(&rows).design().constant_within_groups, ["x"]);
    let mut varying = rows;
    varying[5].1 = 0.70001;
    assert!(with_predictor(&varying).design().constant_within_groups.is_empty());
    assert!(Dataset::radon().unwrap().design().constant_within_groups.is_empty());
    let columns = Columns { predictors: vec!["floor".into(), "Uppm".into()], ..Columns::radon() };
    assert_eq!(Dataset::from_built_in(&columns).unwrap().design().constant_within_groups, ["Uppm"]);
}

#[test]
fn outcomes_that_are_not_normal_are_seen() {
    let of = |values: &[f64]| {
        let rows = values.iter().enumerate().map(|(i, y)| (["a", "b", "c", "d"][i % 4], *y));
        plain(&rows.collect::<Vec<_>>()).unwrap().design().discrete
    };
    assert_eq!(of(&[0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0]), Some(Discrete::Two));
    assert_eq!(of(&[2.5, 7.0, 2.5, 2.5, 7.0, 7.0, 7.0, 7.0]), Some(Discrete::Two));
    assert_eq!(of(&[0.0, 3.0, 1.0, 0.0, 7.0, 2.0, 1.0, 1.0]), Some(Discrete::Whole(7)));
    assert_eq!(of(&[0.0, 3.0, 1.5, 0.0, 7.0, 2.0, 1.0, 1.0]), None);
    assert_eq!(of(&[5.0, 3.0, 4.0, 6.0, 7.0, 2.0, 3.0, 9.0]), Some(Discrete::Whole(9)));
    // Whole grams, dollars, points.
    assert_eq!(of(&[1545.0, 1440.0, 1440.0, 1520.0, 1580.0, 1540.0, 1555.0, 1490.0]), None);
    assert_eq!(of(&[-1.0, 3.0, 1.0, 0.0, 7.0, 2.0, 1.0, 1.0]), None);
    assert_eq!(Dataset::radon().unwrap().design().discrete, None);
}

#[test]
fn labels_that_differ_in_case_or_unicode_form_only_are_seen() {
    let alike = |labels: &[&'static str]| {
        let rows = labels.iter().flat_map(|label| [(*label, 1.0), (*label, 2.0 + label.len() as f64)]);
        plain(&rows.collect::<Vec<_>>()).unwrap().design().alike
    };
    assert_eq!(alike(&["S03", "s03", "s3"]), [["S03".to_string(), "s03".to_string()]]);
    assert_eq!(alike(&["Zu\u{308}rich", "Bern", "Z\u{fc}rich"]).len(), 1);
    assert_eq!(alike(&["New  York", "new york", "NEW YORK"]).len(), 2);
    assert!(alike(&["1", "1.0", "01", "001"]).is_empty());
}

// The origin

#[test]
fn far_is_beyond_three_standard_deviations() {
    let far =
        |x: f64| with_predictor(&[("a", x - 1.0, 1.0), ("b", x, 3.0), ("b", x + 1.0, 4.0)]).far_predictors().len();
    assert_eq!((far(3.0), far(3.1), far(-3.1)), (0, 1, 1));
}

#[test]
fn centring_takes_all_none_or_those_that_are_far() {
    let rows = [("a", 2001.0, 1.0), ("b", 2002.0, 3.0), ("b", 2003.0, 4.0)];
    let near = with_predictor(&[("a", 1.0, 1.0), ("b", 2.0, 3.0), ("b", 3.0, 4.0)]);
    let means = |data: &Dataset, centring| data.clone().centered(centring).predictor_means()[0];
    let far = with_predictor(&rows);
    assert_eq!([Centring::Far, Centring::All, Centring::None].map(|which| means(&far, which)), [2002.0, 2002.0, 0.0]);
    assert_eq!([Centring::Far, Centring::All, Centring::None].map(|which| means(&near, which)), [0.0, 2.0, 0.0]);
    let centred = far.clone().centered(Centring::Far);
    assert_eq!((centred.predictor(0), centred.outcome()), (&[-1.0, 0.0, 1.0][..], far.outcome()));
    assert_eq!(centred.clone().centered(Centring::All), centred);
    assert!(centred.far_predictors().is_empty());
    assert_eq!(far.clone().centered_as(&centred), centred);
    assert_eq!(far.clone().centered_as(&far), far);
}

#[test]
fn the_priors_of_an_intercept_reach_zero_however_far_it_is() {
    // Seconds since 1970 over a year, and an outcome about 0: the intercept is two hundred of the outcome's sds away.
    let seconds = |i: usize| 1.6e9 + 3e5 * i as f64;
    let y = |i: usize| 2e-6 * (seconds(i) - 1.615e9) + (7.7 * i as f64).sin();
    let rows: Vec<(&str, f64, f64)> = (0..100).map(|i| (["a", "b", "c", "d"][i % 4], seconds(i), y(i))).collect();
    let data = with_predictor(&rows);
    let intercept = -2e-6 * 1.6e9_f64;
    assert!(PriorScales::for_data(&data).mu_sd[0] > 50.0 * intercept.abs(), "{:?}", PriorScales::for_data(&data));
    // A centred predictor does not widen the prior.
    let centred = PriorScales::for_data(&data.centered(Centring::Far));
    assert_eq!(centred.mu_sd, PriorScales::for_data(&Dataset::radon().unwrap()).mu_sd);
}

// Advice

#[test]
fn two_groups_are_told_of_with_what_to_do() {
    let few = plain(&[("a", 1.0), ("a", 2.5), ("b", 2.0), ("b", 5.5)]).unwrap();
    let told = advice::of_data(&few, &PriorScales::for_data(&few));
    assert_eq!(told.iter().map(|advice| advice.kind).collect::<Vec<_>>(), ["few-groups"]);
    assert!(told[0].problem.starts_with("there are only 2 groups of `g`") && !told[0].distrust, "{told:?}");
    assert!(told[0].remedy.contains("--prior-sigma-scale"), "{told:?}");
}
