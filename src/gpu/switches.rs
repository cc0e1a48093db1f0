//! Switches of the environment: how devices are opened and kernels compiled, for measurements and for finding faults.

use super::GpuError;

/// The switches for every device that is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches {
    /// Whether kernels check indices and bound their loops; by default, in debug builds only.
    pub checked: bool,
    /// The version of SPIR-V that is written here, without wgpu's compiler, for a Vulkan driver; `None` uses wgpu's
    /// compiler.
    pub spirv: Option<(u8, u8)>,
    /// Lanes of a workgroup that several teams share; `None` for the default.
    pub workgroup: Option<u32>,
    /// Whether lanes may exchange registers in subgroups, where the device has subgroups.
    pub subgroups: bool,
    /// Whether lanes may vote in subgroups, where a team is a whole subgroup.
    pub votes: bool,
    /// Whether products may use 64-bit integers, where the device has them.
    pub int64: bool,
    /// Smallest number of chains for which each has a lane to itself, where the model admits this; `None` for the
    /// default.
    pub alone: Option<u32>,
}

/// The variables, each with its valid values, the default first.
const NAMES: [(&str, &[&str]); 6] = [
    ("WARPNUTS_CHECKED", &["auto", "0", "1"]),
    ("WARPNUTS_SPIRV", &["wgpu", "1.3", "1.4", "1.5", "1.6"]),
    ("WARPNUTS_WORKGROUP", &["auto", "32", "64", "128", "256", "512", "1024"]),
    ("WARPNUTS_SUBGROUPS", &["1", "shuffles", "0"]),
    ("WARPNUTS_INT64", &["1", "0"]),
    ("WARPNUTS_ALONE", &["auto", "0", "1"]),
];

impl Default for Switches {
    fn default() -> Switches {
        Switches {
            checked: cfg!(debug_assertions),
            spirv: None,
            workgroup: None,
            subgroups: true,
            votes: true,
            int64: true,
            alone: None,
        }
    }
}

impl Switches {
    /// The switches that the environment sets.
    ///
    /// # Errors
    /// If a switch has an invalid value.
    pub fn from_env() -> Result<Switches, GpuError> {
        Switches::of(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// The switches with the values that `value` gives for their names.
    fn of(value: impl Fn(&str) -> Option<String>) -> Result<Switches, GpuError> {
        let mut chosen = [""; NAMES.len()];
        for (chosen, (name, values)) in chosen.iter_mut().zip(NAMES) {
            let set = value(name).filter(|value| !value.is_empty());
            let set = set.unwrap_or_else(|| values[0].to_string());
            let known = values.iter().find(|value| **value == set);
            *chosen = known.ok_or_else(|| GpuError::Switch { name, value: set, values: values.join(", ") })?;
        }
        let [checked, spirv, workgroup, subgroups, int64, alone] = chosen;
        let version = |text: &str| text.strip_prefix("1.").and_then(|minor| Some((1, minor.parse().ok()?)));
        Ok(Switches {
            checked: if checked == "auto" { Switches::default().checked } else { checked == "1" },
            spirv: version(spirv),
            workgroup: workgroup.parse().ok(),
            subgroups: subgroups != "0",
            votes: subgroups == "1",
            int64: int64 == "1",
            alone: match alone {
                "1" => Some(0),
                "0" => Some(u32::MAX),
                _ => None,
            },
        })
    }

    /// The names of all switches, each with its valid values, the default first.
    pub fn names() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
        NAMES.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_what_it_is_set_to() {
        assert_eq!(Switches::of(|_| None).unwrap(), Switches::default());
        assert_eq!(Switches::of(|_| Some(String::new())).unwrap(), Switches::default());
        let set = |name: &str| {
            let values = [
                ("WARPNUTS_CHECKED", "1"),
                ("WARPNUTS_SPIRV", "1.3"),
                ("WARPNUTS_WORKGROUP", "512"),
                ("WARPNUTS_SUBGROUPS", "0"),
                ("WARPNUTS_INT64", "0"),
                ("WARPNUTS_ALONE", "1"),
            ];
            values.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
        };
        let (spirv, workgroup) = (Some((1, 3)), Some(512));
        let alone = Some(0);
        let all = Switches { checked: true, spirv, workgroup, subgroups: false, votes: false, int64: false, alone };
        assert_eq!(Switches::of(set).unwrap(), all);
    }

    #[test]
    fn any_other_value_is_refused_with_those_there_are() {
        for (name, values) in Switches::names() {
            let wrong = |asked: &str| (asked == name).then(|| "maybe".to_string());
            let error = Switches::of(wrong).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("maybe") && error.contains(&values.join(", ")), "{error}");
        }
    }
}
