//! What a driver is asked, each by a name.

use crate::kernels;

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// What the device is.
    Device,
    /// How many multiply-adds a second it makes when asked through this queue family.
    Fma(u32),
    /// How fast memory is copied.
    Copy(Way),
    /// What the driver makes of a kernel.
    Compile {
        /// Which one.
        kernel: &'static str,
        /// The version of SPIR-V.
        version: (u8, u8),
        /// Whether the device checks each access to a buffer.
        robust: bool,
    },
}

/// From where to where memory is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// On the device.
    Device,
    /// From the host's memory to the device's.
    ToDevice,
    /// From the device's memory to the host's.
    FromDevice,
}

impl Case {
    /// All but the device itself: ceilings first, then kernels, as wgpu asks for them before any other way. `compute`
    /// is the queue family that computes and does not draw, if there is one.
    pub fn all(compute: Option<u32>) -> Vec<Case> {
        let fma = [Some(0), compute].into_iter().flatten().map(Case::Fma);
        let copies = [Way::Device, Way::ToDevice, Way::FromDevice].map(Case::Copy);
        let ways = [((1, 6), true), ((1, 3), true), ((1, 3), false), ((1, 6), false)];
        let compile = ways.into_iter().flat_map(|(version, robust)| {
            kernels::NAMES.into_iter().map(move |kernel| Case::Compile { kernel, version, robust })
        });
        fma.chain(copies).chain(compile).collect()
    }

    /// The case of this name.
    pub fn of(name: &str) -> Option<Case> {
        let family = name.strip_prefix("fma-family-").and_then(|family| family.parse().ok());
        Case::all(family).into_iter().chain([Case::Device]).find(|case| case.name() == name)
    }

    /// Its name.
    pub fn name(self) -> String {
        match self {
            Case::Device => "device".to_string(),
            Case::Fma(family) => format!("fma-family-{family}"),
            Case::Copy(Way::Device) => "copy-device".to_string(),
            Case::Copy(Way::ToDevice) => "copy-to-device".to_string(),
            Case::Copy(Way::FromDevice) => "copy-from-device".to_string(),
            Case::Compile { kernel, version: (major, minor), robust } => {
                format!("{kernel}-{major}.{minor}-{}", if robust { "robust" } else { "bare" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_found_by_its_name() {
        for case in Case::all(Some(2)).into_iter().chain([Case::Device]) {
            assert_eq!(Case::of(&case.name()), Some(case));
        }
        assert_eq!(Case::of("transition-radon"), None);
    }
}
