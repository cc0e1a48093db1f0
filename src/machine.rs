//! The machine of a run: its processor's name, and the cores, memory and disk that are available.

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// The processor's name.
pub fn processor() -> String {
    let kind = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    let system = System::new_with_specifics(kind);
    let brand = system.cpus().first().map_or("", |cpu| cpu.brand().trim());
    if brand.is_empty() { std::env::consts::ARCH.to_string() } else { brand.to_string() }
}

/// The processor's name and the number of available cores, which may be fewer than all of them.
pub fn processor_and_cores() -> String {
    match threads() {
        1 => format!("{}, 1 core", processor()),
        cores => format!("{}, {cores} cores", processor()),
    }
}

/// The widest vectors that kernels use on this machine: `AVX-512`, `AVX2`, or the architecture's baseline.
pub fn vectors() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512f") && has!("avx512bw") && has!("avx512cd") && has!("avx512dq") && has!("avx512vl") {
            return "AVX-512";
        }
        if has!("avx2") && has!("fma") { "AVX2" } else { "SSE" }
    }
    #[cfg(target_arch = "aarch64")]
    {
        "NEON"
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        "baseline"
    }
}

/// The number of threads that can run at once.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Memory that is available without swapping, in bytes; `None` if the system does not report it.
pub fn available_memory() -> Option<u64> {
    if !sysinfo::IS_SUPPORTED_SYSTEM {
        return None;
    }
    let kind = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(kind);
    let available = system.available_memory();
    // The free memory that a control group reports excludes its cache.
    let of_group = |limits: sysinfo::CGroupLimits| limits.total_memory.saturating_sub(limits.rss);
    Some(system.cgroup_limits().map_or(available, |limits| of_group(limits).min(available)))
}

/// Returns freed memory to the system, if the allocator keeps it for the thread that freed it and other threads could
/// not use it.
pub fn give_back_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the call affects free memory only.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Free bytes on the disk of `folder`, which exists; `None` if the system does not report them.
pub fn available_disk(folder: &std::path::Path) -> Option<u64> {
    fs4::available_space(folder).ok()
}
