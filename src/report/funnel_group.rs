//! The group whose funnel is shown, as it is typed.

use crate::data::Dataset;

/// A group: a level of a factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunnelGroup {
    /// The factor, by its number in the data set.
    pub factor: usize,
    /// The level, in the order of the data, from 0.
    pub level: usize,
}

/// A group that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no {columns} `{typed}` to show the funnel of; write one of its names, such as `{example}`, or a number from 0 \
     to {last}"
)]
pub struct NoSuchGroup {
    columns: String,
    typed: String,
    example: String,
    last: usize,
}

/// The group that `typed` means: the name of a level of any factor, the first before the others, or else the index of
/// a level of the first factor in the order of the data, from 0.
///
/// # Errors
/// If `typed` is neither.
pub fn funnel_group(typed: &str, dataset: &Dataset) -> Result<FunnelGroup, NoSuchGroup> {
    let factors = 0..dataset.n_factors();
    let by_name = factors.clone().find_map(|factor| {
        let level = dataset.levels(factor).iter().position(|level| level == typed.trim())?;
        Some(FunnelGroup { factor, level })
    });
    let groups = dataset.groups();
    let by_index = || {
        let index = typed.trim().parse().ok().filter(|index| *index < groups.len());
        index.map(|level| FunnelGroup { factor: 0, level })
    };
    by_name.or_else(by_index).ok_or_else(|| NoSuchGroup {
        columns: factors.map(|factor| dataset.factor_name(factor)).collect::<Vec<_>>().join(" or "),
        typed: typed.to_string(),
        example: groups[0].clone(),
        last: groups.len() - 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Factor, FileRows};

    #[test]
    fn a_group_is_named_or_numbered() {
        let radon = Dataset::radon().unwrap();
        assert_eq!(funnel_group("75", &radon), Ok(FunnelGroup { factor: 0, level: 75 }));
        assert_eq!(funnel_group(" AITKIN", &radon), Ok(FunnelGroup { factor: 0, level: 0 }));
        let unknown = funnel_group("85", &radon).unwrap_err().to_string();
        assert!(unknown.contains("no county `85`") && unknown.contains("0 to 84"), "{unknown}");
    }

    #[test]
    fn a_group_of_several_factors_is_found_by_its_name() {
        let factor = |name: &str, levels: [&str; 2], of: [u32; 4]| Factor {
            name: name.into(),
            levels: levels.map(str::to_string).to_vec(),
            of: of.to_vec(),
        };
        let file = FileRows { source: "test".into(), rows: (0..4).collect(), ..FileRows::default() };
        let factors =
            vec![factor("rater", ["ann", "bob"], [0, 0, 1, 1]), factor("item", ["first", "bob"], [0, 1, 0, 1])];
        let data = Dataset::of_formula(file, ("y".into(), vec![1.0, 2.0, 3.0, 5.0]), Vec::new(), factors).unwrap();
        assert_eq!(funnel_group("first", &data), Ok(FunnelGroup { factor: 1, level: 0 }));
        // Of two groups of one name, that of the first factor.
        assert_eq!(funnel_group("bob", &data), Ok(FunnelGroup { factor: 0, level: 1 }));
        assert_eq!(funnel_group("0", &data), Ok(FunnelGroup { factor: 0, level: 0 }));
        let unknown = funnel_group("2", &data).unwrap_err().to_string();
        assert!(unknown.contains("no rater or item `2`") && unknown.contains("0 to 1"), "{unknown}");
    }
}
