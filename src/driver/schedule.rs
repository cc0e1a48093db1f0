//! The phases of warm-up: first only the step size adapts, then windows of doubling length learn the metric, then the
//! step size settles.

/// The role of a phase of warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageRole {
    /// Moves towards the typical set, with the identity metric.
    Initial,
    /// A window whose draws give the metric of the next one.
    Window,
    /// The longest window, whose draws give the metric of the run.
    LastWindow,
    /// Learns the last step size, with the last metric.
    Final,
    /// Moves towards the typical set, with the identity metric; each chain adapts its own step size and forgets it.
    Approach,
    /// Moves towards the typical set, with the metric of another run.
    Arrival,
    /// Step size and metric come from another run.
    Frozen,
}

/// A phase of warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    pub role: StageRole,
    pub transitions: u32,
}

/// Length of the first window; each window is twice as long as the one before.
const FIRST_WINDOW: u32 = 20;

/// Transitions of the first phase.
fn initial(warmup: u32) -> u32 {
    (u64::from(warmup) * 15).div_ceil(100).min(30) as u32
}

/// The phases of a warm-up of `warmup` transitions.
pub fn schedule(warmup: u32) -> Vec<Stage> {
    let initial = initial(warmup);
    let last = (warmup / 10).min(100);
    let mut stages = vec![Stage { role: StageRole::Initial, transitions: initial }];
    let mut left = warmup - initial - last;
    let mut window = FIRST_WINDOW;
    while left > 0 {
        // If the next window, twice as long, would not fit, this one takes the rest.
        let (role, transitions) =
            if left < 3 * window { (StageRole::LastWindow, left) } else { (StageRole::Window, window) };
        stages.push(Stage { role, transitions });
        left -= transitions;
        window *= 2;
    }
    stages.push(Stage { role: StageRole::Final, transitions: last });
    stages.retain(|stage| stage.transitions > 0);
    stages
}

/// The phases of a warm-up of `warmup` transitions in which no chain learns from another.
pub fn frozen(warmup: u32) -> Vec<Stage> {
    let approach = initial(warmup);
    let arrival = warmup.div_ceil(2).max(approach) - approach;
    let frozen = warmup - approach - arrival;
    let roles = [(StageRole::Approach, approach), (StageRole::Arrival, arrival), (StageRole::Frozen, frozen)];
    let mut stages = roles.map(|(role, transitions)| Stage { role, transitions }).to_vec();
    stages.retain(|stage| stage.transitions > 0);
    stages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transition_belongs_to_one_stage() {
        for warmup in (0..300).chain([1000, 12_345]) {
            let stages = schedule(warmup);
            assert_eq!(stages.iter().map(|stage| stage.transitions).sum::<u32>(), warmup);
            assert_eq!(frozen(warmup).iter().map(|stage| stage.transitions).sum::<u32>(), warmup);
        }
    }

    #[test]
    fn windows_double_and_the_last_takes_the_rest() {
        let lengths = |warmup| schedule(warmup).iter().map(|stage| stage.transitions).collect::<Vec<_>>();
        assert_eq!(lengths(1000), [30, 20, 40, 80, 160, 570, 100]);
        assert_eq!(lengths(100), [15, 20, 55, 10]);
        assert_eq!(lengths(1), [1]);
        let roles: Vec<StageRole> = schedule(100).iter().map(|stage| stage.role).collect();
        assert_eq!(roles, [StageRole::Initial, StageRole::Window, StageRole::LastWindow, StageRole::Final]);
    }
}
