//! Rubin's eight schools, and their posterior by quadrature.

/// Rubin's eight schools (1981): effects of coaching, and their standard errors.
pub const SCHOOLS: &str = "school,effect,error
A,28,15
B,8,10
C,-3,16
D,7,11
E,-1,9
F,1,11
G,18,10
H,12,18
";

/// Posterior means of mu and tau, by quadrature over tau: mu is normal given tau.
pub fn eight_schools() -> [f64; 2] {
    let rows: Vec<Vec<f64>> = SCHOOLS
        .lines()
        .skip(1)
        .map(|line| line.split(',').skip(1).map(|cell| cell.parse().unwrap()).collect())
        .collect();
    let mean = rows.iter().map(|row| row[0]).sum::<f64>() / 8.0;
    let sd = (rows.iter().map(|row| (row[0] - mean).powi(2)).sum::<f64>() / 8.0).sqrt();
    let (mut mass, mut sums) = (0.0, [0.0; 2]);
    for step in 0..200_000 {
        let tau = 0.005 * (f64::from(step) + 0.5);
        let prior = (2.5 * sd).powi(-2);
        let (mut precision, mut first, mut log_density) = (prior, prior * mean, 0.0);
        for row in &rows {
            let variance = row[1] * row[1] + tau * tau;
            precision += 1.0 / variance;
            first += row[0] / variance;
            log_density -= 0.5 * (variance.ln() + row[0] * row[0] / variance);
        }
        log_density += 0.5 * (first * first / precision - precision.ln());
        let density = log_density.exp() * (1.0 + (tau / sd).powi(2) / 3.0).powi(-2);
        mass += density;
        sums[0] += density * first / precision;
        sums[1] += density * tau;
    }
    sums.map(|sum| sum / mass)
}
