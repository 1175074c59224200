//! Whether a file is the one that it was.
//!
//! Input: a path, before and after. Output: whether size and time of change are the same. Must not: open it.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// What a file system says of a file's content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    /// That of the file at a path; `None` where there is no regular file.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let known = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some(Self { size: known.len(), modified: known.modified().ok() })
    }

    /// How it differs from what is at the path now, in words; `None` where it does not.
    #[must_use]
    pub fn changed(self, path: &Path) -> Option<String> {
        let now = Self::of(path);
        let how = match now {
            None => "it is no longer there".to_owned(),
            Some(now) if now.size != self.size => format!("it had {} bytes and has {}", self.size, now.size),
            Some(now) if now != self => "its time of change is another".to_owned(),
            Some(_) => return None,
        };
        Some(format!("the file changed while it was read: {how}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_to_or_gone_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "one").unwrap();
        let stamp = Stamp::of(&path).unwrap();
        assert_eq!(stamp.changed(&path), None);
        fs::write(&path, "three").unwrap();
        assert!(stamp.changed(&path).unwrap().ends_with("it had 3 bytes and has 5"));
        fs::write(&path, "two").unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert!(stamp.changed(&path).unwrap().ends_with("its time of change is another"));
        fs::remove_file(&path).unwrap();
        assert!(stamp.changed(&path).unwrap().ends_with("it is no longer there"));
        assert_eq!(Stamp::of(folder.path()), None, "a folder is no file");
    }
}
