//! The data folder: whether it is there, and what its disk has left. A full disk ends every commit.

use super::look::Look;
use super::report::{Findings, Level};
use super::words::size;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Less than this is a few hours of a busy city.
const LITTLE: u64 = 2 << 30;
/// Less than this and the next large transaction may not fit.
const NONE: u64 = 200 << 20;
/// How long the system may take to say what is left: a disk over a network may never answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn examine(look: &mut Look<'_>, say: &mut Findings) {
    let root = look.folder.root();
    say.of(super::Part::Folder, Some(root.display().to_string()));
    match timeout(PATIENCE, seen(root.to_owned())).await {
        Ok(Some(Seen { is_there: false, .. })) => {
            let saw = "the data folder is not there";
            say.warn(
                "missing",
                saw,
                "the first start makes it; if there was one, look at `--data` and at what should be mounted here",
            );
        }
        Ok(seen) => {
            say.ok("there", "the data folder is there");
            match seen.and_then(|seen| seen.free) {
                Some(free) => judge(free, say),
                None => say.ok(
                    "disk_unknown",
                    "what its disk has left is not known here (`df` says nothing)",
                ),
            }
        }
        Err(_) => {
            look.is_folder_silent = true;
            say.wrong(
                "disk_silent",
                "its disk does not answer",
                "look at the mount: no commit ends while it hangs",
            );
        }
    }
}

/// What the system says of a folder.
struct Seen {
    is_there: bool,
    /// Bytes that its disk has left.
    free: Option<u64>,
}

fn judge(free: u64, say: &mut Findings) {
    let saw = format!("its disk has {} left", size(free));
    let level = match free {
        0..NONE => Level::Wrong,
        NONE..LITTLE => Level::Warning,
        _ => return say.ok("disk", saw),
    };
    let advice = "make room, or give the folder a larger disk: on a full one nothing is committed, and callers get 503";
    say.bad(level, "disk", saw, advice);
}

/// Asked on a thread that is left behind if the disk hangs.
async fn seen(folder: PathBuf) -> Option<Seen> {
    let (tell, told) = oneshot::channel();
    let _detached = std::thread::spawn(move || {
        let is_there = folder.is_dir();
        let free = if is_there { free_bytes(&folder) } else { None };
        tell.send(Seen { is_there, free })
    });
    told.await.ok()
}

/// What `df` says.
fn free_bytes(folder: &Path) -> Option<u64> {
    let mut df = Command::new("df");
    let output = df
        .arg("-Pk")
        .arg(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    free_of(&String::from_utf8(output.stdout).ok()?)
}

/// The fourth column of the second line, in KiB: so POSIX has it.
fn free_of(text: &str) -> Option<u64> {
    let kib: u64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    kib.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_read_and_judged() {
        let text = "Filesystem     1024-blocks      Used Available Capacity Mounted on\n/dev/vda1         41152736  35000000   3145728      92% /\n";
        assert_eq!(free_of(text), Some(3 << 30));
        assert_eq!(free_of("nonsense"), None);
        for (free, level) in [(3 << 30, Level::Ok), (1 << 30, Level::Warning), (1 << 20, Level::Wrong)] {
            let mut say = Findings::new();
            judge(free, &mut say);
            assert_eq!(say.codes(), [("disk", level)]);
        }
    }
}
