// Dual averaging of a chain's log step size. Twin of StepSize in src/nuts/adaptation.rs, which has T0 and KAPPA.

// Learns from transition `count`, from 1, at the current step size; `above` is the target minus its acceptance.
fn learn(step_size: ptr<private, StepSize>, centre: f32, gain: f32, above: f32, count: f32) {
    let weight = 1.0 / (count + T0);
    (*step_size).error += weight * (above - (*step_size).error);
    (*step_size).log_step = centre - gain * sqrt(count) * (*step_size).error;
    let share = exp_of(-KAPPA * ln(count));
    (*step_size).log_mean += share * ((*step_size).log_step - (*step_size).log_mean);
}
