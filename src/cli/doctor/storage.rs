//! Whether there is room for a capture.
//!
//! Input: a folder. Output: a check. Must not: write there.

use std::path::Path;

use crate::report::doctor::Check;
use crate::report::text::size;

pub(super) fn disk(folder: &Path) -> Check {
    if !folder.is_dir() {
        let seen = format!("{} is no folder", folder.display());
        return Check::blocking(NAME, seen, "name a folder that is there: borderpost doctor -w DIR");
    }
    judge(folder, free(folder))
}

fn judge(folder: &Path, free: Option<u64>) -> Check {
    let folder = folder.display();
    match free {
        None => Check::cannot_tell(
            NAME,
            format!("how much is free in {folder} cannot be told"),
            "see that there is room: a call with video takes about 1 GiB an hour",
        ),
        Some(free) if free < NONE_LEFT => Check::blocking(
            NAME,
            format!("{} free in {folder}", size(free)),
            "make room, or write to another disk: a call with video takes about 1 GiB an hour",
        ),
        Some(free) if free < LITTLE => Check::attention(
            NAME,
            format!("{} free in {folder}", size(free)),
            "a call with video takes about 1 GiB an hour: make room for a long test",
        ),
        Some(free) => Check::ok(NAME, format!("{} free in {folder}", size(free))),
    }
}

/// The bytes that this user may still write there.
#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The bytes that are free on the disk with the longest path above the folder.
#[cfg(not(unix))]
fn free(folder: &Path) -> Option<u64> {
    let folder = std::fs::canonicalize(folder).ok()?;
    // A canonical path of Windows begins with a prefix that the paths of disks lack.
    let text = folder.to_string_lossy();
    let folder = Path::new(text.strip_prefix(r"\\?\").unwrap_or(&text)).to_owned();
    let disks = sysinfo::Disks::new_with_refreshed_list().ok()?;
    let above = disks.iter().filter(|disk| folder.starts_with(disk.mount_point()));
    above.max_by_key(|disk| disk.mount_point().as_os_str().len()).map(sysinfo::Disk::available_space)
}

const NAME: &str = "free disk";
const NONE_LEFT: u64 = 64 << 20;
const LITTLE: u64 = 4 << 30;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::doctor::State;

    #[test]
    fn little_room_is_told_and_none_stands_in_the_way() {
        let of = |free| {
            let check = judge(Path::new("x"), free);
            (check.state, check.blocks)
        };
        assert_eq!(of(Some(5 << 30)), (State::Ok, false));
        assert_eq!(of(Some(1 << 30)), (State::Attention, false));
        assert_eq!((of(Some(1 << 20)), of(None)), ((State::Attention, true), (State::CannotTell, false)));
        assert!(disk(Path::new("/nowhere")).blocks);
        assert!(free(Path::new(".")).is_some());
    }
}
