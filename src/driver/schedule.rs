//! The phases of warm-up: first only the step size adapts, then windows of doubling length learn the metric, then the
//! step size settles.

/// What a phase of warm-up is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Towards the typical set, with the identity metric.
    Initial,
    /// A window whose draws make the next metric.
    Window,
    /// The last step size, under the last metric.
    Final,
}

/// The stages of a warm-up of `warmup` transitions, with the length of each.
pub fn schedule(warmup: u32) -> Vec<(Stage, u32)> {
    let env = |name: &str, default: u32| std::env::var(name).map_or(default, |v| v.parse().unwrap());
    let initial = (warmup * 15).div_ceil(100).min(env("I0", 50));
    let last = (warmup / 10).min(env("F0",100));
    let mut stages = vec![(Stage::Initial, initial)];
    let mut left = warmup - initial - last;
    let mut window = env("W0", 10);
    while left > 0 {
        // A window that the next, twice as long, would not fit behind takes all that is left.
        let length = if left < 3 * window { left } else { window };
        stages.push((Stage::Window, length));
        left -= length;
        window *= 2;
    }
    stages.push((Stage::Final, last));
    stages.retain(|(_, length)| *length > 0);
    stages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transition_belongs_to_one_stage() {
        for warmup in (0..300).chain([1000, 12_345]) {
            let stages = schedule(warmup);
            assert_eq!(stages.iter().map(|(_, length)| length).sum::<u32>(), warmup);
        }
    }

    #[test]
    fn windows_double() {
        use Stage::{Final, Initial, Window};
        let windows = [10, 20, 40, 80, 160, 540].map(|length| (Window, length));
        assert_eq!(schedule(1000), [&[(Initial, 50)][..], &windows, &[(Final, 100)]].concat());
        assert_eq!(schedule(100), [(Initial, 15), (Window, 10), (Window, 65), (Final, 10)][..]);
    }
}
