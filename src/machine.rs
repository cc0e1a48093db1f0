//! The machine a run is on: its processor's name, and how much memory and disk there is to take.

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// The processor's name.
pub fn processor() -> String {
    let kind = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    let system = System::new_with_specifics(kind);
    let brand = system.cpus().first().map_or("", |cpu| cpu.brand().trim());
    if brand.is_empty() { std::env::consts::ARCH.to_string() } else { brand.to_string() }
}

/// The processor's name and how many cores there are to take, which may be fewer than it has.
pub fn processor_and_cores() -> String {
    match threads() {
        1 => format!("{}, 1 core", processor()),
        cores => format!("{}, {cores} cores", processor()),
    }
}

/// The widest vectors that kernels use here, which were compiled for several: `AVX-512`, `AVX2`, or the architecture's own.
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

/// How many threads can work at once.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Memory that can be taken without swapping, in bytes; `None` where the system does not tell.
pub fn available_memory() -> Option<u64> {
    if !sysinfo::IS_SUPPORTED_SYSTEM {
        return None;
    }
    let kind = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(kind);
    let available = system.available_memory();
    // What a group calls free leaves out what is only cached.
    let of_group = |limits: sysinfo::CGroupLimits| limits.total_memory.saturating_sub(limits.rss);
    Some(system.cgroup_limits().map_or(available, |limits| of_group(limits).min(available)))
}

/// Gives what was freed back to the system, where an allocator keeps it by the thread that had it, and other threads could
/// not use it.
pub fn give_back_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it touches nothing but what is free.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Free bytes where `folder` is, which is there; `None` where the system does not tell.
pub fn available_disk(folder: &std::path::Path) -> Option<u64> {
    fs4::available_space(folder).ok()
}
