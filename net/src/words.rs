//! Memory that several processes of one host share: an array of 64-bit words.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Deref;
use std::os::fd::{AsRawFd, FromRawFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicU64;

use crate::sys::check;

/// Words that any process which knows their [`path`](SharedWords::path) can open, all zero at first.
///
/// Only what is written takes memory: the array may be far longer than what will ever be used (64 GiB of addresses cost nothing).
/// The memory lives until the last process that opened it has ended or dropped it; there is no file to remove.
#[derive(Debug)]
pub struct SharedWords {
    /// Keeps the memory findable by others.
    file: File,
    start: NonNull<AtomicU64>,
    len: usize,
}

// SAFETY: the mapping belongs to this value alone, is reachable only as atomics, and no thread is special to it.
unsafe impl Send for SharedWords {}
// SAFETY: as above: shared access gives `&[AtomicU64]`, which any thread may use.
unsafe impl Sync for SharedWords {}

/// Nobody may change the length: a word beyond the end of the file would be a SIGBUS.
const SEALS: libc::c_int = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;

impl SharedWords {
    /// `len` words of new memory (`memfd_create(2)`).
    ///
    /// # Errors
    /// When the process is out of descriptors or addresses (`ulimit -v`). `InvalidInput` for no words at all.
    pub fn new(len: usize) -> io::Result<Self> {
        let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
        // SAFETY: the name is a string that ends in a zero; the result is checked.
        let fd = check(unsafe { libc::memfd_create(c"fanout".as_ptr(), flags) })?;
        // SAFETY: the descriptor was just created and nobody else owns it.
        let file = unsafe { File::from_raw_fd(fd) };
        file.set_len((len * size_of::<AtomicU64>()) as u64)?;
        // SAFETY: no pointers are passed.
        check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, SEALS) })?;
        Self::map(file)
    }

    /// The words that another process made, by their path there.
    ///
    /// # Errors
    /// When that process has ended or belongs to another user. `InvalidInput` for a file that is no such memory.
    pub fn open(path: &str) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        // SAFETY: no pointers are passed; a file that cannot be sealed at all is an error.
        let seals = check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS) })?;
        if seals & SEALS != SEALS {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{path} is no memory of fanout's")));
        }
        Self::map(file)
    }

    fn map(file: File) -> io::Result<Self> {
        let bytes = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours; the result is checked.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, libc::MAP_SHARED, file.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("memory at address 0"))?;
        Ok(Self { file, start, len: bytes / size_of::<AtomicU64>() })
    }

    /// What [`open`](SharedWords::open) takes in another process, for as long as this value lives.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd())
    }
}

impl Deref for SharedWords {
    type Target = [AtomicU64];

    #[inline]
    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is `len` words long, page-aligned, mapped until drop, and cannot be cut short (it is sealed). Any
        // bytes are a valid AtomicU64, and every process reaches them as atomics only.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl Drop for SharedWords {
    fn drop(&mut self) {
        // SAFETY: exactly what `map` mapped; nobody can hold a reference into it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len * size_of::<AtomicU64>()) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use super::SharedWords;

    #[test]
    fn what_one_writes_the_other_reads() {
        let ours = SharedWords::new(1 << 30).unwrap();
        let theirs = SharedWords::open(&ours.path()).unwrap();
        assert_eq!((ours.len(), theirs.len()), (1 << 30, 1 << 30));
        ours[7].store(1, Relaxed);
        theirs[(1 << 30) - 1].store(2, Relaxed);
        assert_eq!((theirs[7].load(Relaxed), ours[(1 << 30) - 1].load(Relaxed)), (1, 2));
        assert_eq!(ours[8].load(Relaxed), 0);
    }

    #[test]
    fn the_memory_outlives_whoever_made_it() {
        let ours = SharedWords::new(4).unwrap();
        let theirs = SharedWords::open(&ours.path()).unwrap();
        ours[0].store(9, Relaxed);
        drop(ours);
        assert_eq!(theirs[0].load(Relaxed), 9);
    }

    #[test]
    fn a_file_that_could_be_cut_short_is_refused() {
        let file = tempfile();
        assert!(SharedWords::open(file.to_str().unwrap()).is_err());
        std::fs::remove_file(file).unwrap();
        assert!(SharedWords::new(0).is_err());
    }

    fn tempfile() -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("fanout-words-{}", std::process::id()));
        std::fs::write(&path, [0; 4096]).unwrap();
        path
    }
}
