//! Leave-one-out: refits against quadrature and against runs without the rows.

use crate::helpers::formulas;
use std::sync::Arc;
use warpnuts::data::Dataset;
use warpnuts::exact::Exact;
use warpnuts::loo::Refits;
use warpnuts::model::Model;

#[test]
fn refits_have_the_evidence_of_the_quadrature() {
    let data = Arc::new(Dataset::radon().unwrap());
    let model = Model::builder(data.clone()).build().collapsed();
    let exact = Exact::of(&model).unwrap();
    let draws: Vec<Vec<f64>> = (0..model.layout().hyperparameters())
        .map(|i| [0.1, 0.3, 0.5, 0.7, 0.9].map(|p| exact.quantile(i, p)).to_vec())
        .collect();
    let refits = Refits::new(&model, 1, &draws).unwrap();
    let began = std::time::Instant::now();
    for group in [0, 1, 18, 35, 83] {
        let leaves: Vec<bool> = (0..data.n_observations()).map(|i| data.group_range(group).contains(&i)).collect();
        let refit = refits.without(&leaves).unwrap();
        println!("{:?}", began.elapsed());
        let rest = model.of_rows(Arc::new(data.without(&leaves).unwrap()));
        let expected = exact.log_evidence() - Exact::of(&rest).unwrap().log_evidence();
        println!("{group}: {refit:?} {expected}");
    }
    let of = formulas::read("tests/cases/01-sleepstudy.csv", "Reaction ~ Days + (1 + Days | Subject)", &[]);
    let model = formulas::model(&of, "marginal");
    let exact = Exact::of(&model).unwrap();
    let draws: Vec<Vec<f64>> = (0..model.layout().hyperparameters())
        .map(|i| [0.1, 0.3, 0.5, 0.7, 0.9].map(|p| exact.quantile(i, p)).to_vec())
        .collect();
    let refits = Refits::new(&model, 1, &draws).unwrap();
    for row in [0, 50, 57, 100] {
        let leaves: Vec<bool> = (0..180).map(|i| i == row).collect();
        let refit = refits.without(&leaves).unwrap();
        println!("{:?}", began.elapsed());
        let rest = model.of_rows(Arc::new(of.0.without(&leaves).unwrap()));
        let expected = exact.log_evidence() - Exact::of(&rest).unwrap().log_evidence();
        println!("{row}: {refit:?} {expected}");
    }
}
