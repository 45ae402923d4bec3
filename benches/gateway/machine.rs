//! What the machine says of a process: CPU time, memory, and bytes of a file. Read from `/proc`, so Linux only.

use anyhow::Context as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Linux counts a process's time in hundredths of a second, whatever the kernel's own tick.
const TICK: Duration = Duration::from_millis(10);

/// CPU time of all threads of a process, those that have ended included; in steps of 10 ms.
pub(crate) fn cpu_of(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in brackets may hold spaces; what follows it does not.
    let (_, figures) = stat.rsplit_once(')').context("no name in /proc/PID/stat")?;
    let figures: Vec<&str> = figures.split_whitespace().collect();
    let figure = |place: usize| -> anyhow::Result<u32> { Ok(figures.get(place).context("short stat")?.parse()?) };
    Ok(TICK * (figure(11)? + figure(12)?))
}

/// CPU time of this process.
pub(crate) fn own_cpu() -> anyhow::Result<Duration> {
    cpu_of(std::process::id())
}

/// CPU time of the calling thread, in nanoseconds as of the last tick.
pub(crate) fn thread_cpu() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat")?;
    let on_cpu = stat.split_whitespace().next().context("empty schedstat")?;
    Ok(Duration::from_nanos(on_cpu.parse()?))
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1_024)
}

/// Bytes of a SQLite file with its log.
pub(crate) fn bytes(file: &Path) -> u64 {
    let log = format!("{}-wal", file.display());
    let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    size(file) + size(Path::new(&log))
}
