//! The questions to a driver, each with a name.

use crate::kernels;

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// The properties of the device.
    Device,
    /// Multiply-adds a second through this queue family.
    Fma(u32),
    /// The speed of copies in memory.
    Copy(Way),
    /// How the driver compiles a kernel.
    Compile {
        /// The kernel's name.
        kernel: &'static str,
        /// The version of SPIR-V.
        version: (u8, u8),
        /// Whether the device checks each access to a buffer.
        robust: bool,
    },
}

/// The direction of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Within the device.
    Device,
    /// From the host's memory to the device's.
    ToDevice,
    /// From the device's memory to the host's.
    FromDevice,
}

impl Case {
    /// All cases but the device itself: ceilings first, then kernels, compiled as wgpu does before any other way.
    /// `compute` is the queue family that computes and does not draw, if there is one.
    pub fn all(compute: Option<u32>) -> Vec<Case> {
        let fma = [Some(0), compute].into_iter().flatten().map(Case::Fma);
        let copies = [Way::Device, Way::ToDevice, Way::FromDevice].map(Case::Copy);
        let ways = [((1, 6), true), ((1, 3), true), ((1, 3), false), ((1, 6), false)];
        let compile = ways.into_iter().flat_map(|(version, robust)| {
            kernels::NAMES.into_iter().map(move |kernel| Case::Compile { kernel, version, robust })
        });
        fma.chain(copies).chain(compile).collect()
    }

    /// The case with this name.
    pub fn of(name: &str) -> Option<Case> {
        let family = name.strip_prefix("fma-family-").and_then(|family| family.parse().ok());
        Case::all(family).into_iter().chain([Case::Device]).find(|case| case.name() == name)
    }

    /// The case's name.
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
