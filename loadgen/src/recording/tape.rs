//! The files of a recording: appended to, rotated, compressed, and whole whatever happens. A thread of its own, so that a slow disk holds
//! up no read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::parts::{Rotation, is_gzip, number, part};
use super::tail::{Found, Given, find};
use crate::trace::{Ending, unpack};

/// What is looked at first of a file's end; as much again until a whole line is found.
const FIRST_LOOK: u64 = 1 << 16;

/// Why a recording cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// The operating system refused.
    #[error("cannot write {}: {source}{}", .file.display(), advice(.source))]
    Write {
        /// Which file.
        file: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{} is no recording: its last line is none of a trace. Choose another name for -o", .0.display())]
    Foreign(PathBuf),
}

/// What to do about it.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ". What was recorded before is whole; make room and give the same command again: it goes on from there"
        }
        io::ErrorKind::NotFound => ": make its directory first",
        _ => "",
    }
}

/// The files of a recording, open for the next line.
#[derive(Debug)]
pub struct Tape {
    /// As it was asked for; parts are named after it.
    name: PathBuf,
    rotation: Option<Rotation>,
    number: u32,
    out: Out,
    /// The file that is written to.
    file: PathBuf,
    /// Bytes of lines in it.
    bytes: u64,
    /// Time of its first line; `None` before that.
    began_us: Option<u64>,
    /// Everything written, bytes of lines.
    pub written: u64,
    /// The files written.
    pub files: Vec<PathBuf>,
}

#[derive(Debug)]
enum Out {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
}

impl Out {
    fn new(file: File, path: &Path) -> Self {
        let buffered = BufWriter::with_capacity(1 << 16, file);
        if is_gzip(path) {
            Out::Gzip(Box::new(GzEncoder::new(buffered, Compression::default())))
        } else {
            Out::Plain(buffered)
        }
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Out::Plain(out) => out.write_all(line),
            Out::Gzip(out) => out.write_all(line),
        }
    }

    /// Everything so far can be read from the file after this.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Out::Plain(out) => out.flush(),
            Out::Gzip(out) => out.flush(),
        }
    }

    fn finish(self) -> io::Result<()> {
        let mut out = match self {
            Out::Plain(out) => out,
            Out::Gzip(out) => out.finish()?,
        };
        out.flush()?;
        out.get_ref().sync_data()
    }
}

impl Tape {
    /// Opens the file `name` (with a rotation: the last of its parts), or goes on with what is there; gives the time of its last line.
    /// A last line that was torn off is removed.
    ///
    /// # Errors
    /// When it cannot be written, or is something else than a recording.
    pub fn open(name: &Path, rotation: Option<Rotation>) -> Result<(Self, Option<u64>), TapeError> {
        let number = rotation.map_or(0, |_| last_part(name).unwrap_or(1));
        let file = if rotation.is_some() { part(name, number) } else { name.to_owned() };
        let wrong = |source| TapeError::Write { file: file.clone(), source };
        let (mut last_us, bytes) = mend(&file).map_err(|e| e.of(&file))?;
        if last_us.is_none() && number > 1 {
            // The last part was begun and nothing came: the clock goes on from the one before.
            let before = part(name, number - 1);
            last_us = mend(&before).map_err(|e| e.of(&before))?.0;
        }
        let opened = OpenOptions::new().create(true).append(true).open(&file).map_err(wrong)?;
        let out = Out::new(opened, &file);
        let files = vec![file.clone()];
        let name = name.to_owned();
        let tape = Tape { name, rotation, number, out, file, bytes, began_us: None, written: 0, files };
        Ok((tape, last_us))
    }

    /// Writes a line that came at `at_us`.
    ///
    /// # Errors
    /// When it cannot be written; what was written before is whole then.
    pub fn append(&mut self, at_us: u64, line: &[u8]) -> Result<(), TapeError> {
        let began = *self.began_us.get_or_insert(at_us);
        if self.bytes > 0 && self.rotation.is_some_and(|rotation| rotation.is_full(self.bytes, began, at_us)) {
            self.rotate(at_us)?;
        }
        match self.out.write(line) {
            Ok(()) => {
                self.bytes += line.len() as u64;
                self.written += line.len() as u64;
                Ok(())
            }
            Err(source) => Err(self.broken(source)),
        }
    }

    /// Lets the operating system have everything so far, so that a crash of ours loses nothing before it.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn flush(&mut self) -> Result<(), TapeError> {
        self.out.flush().map_err(|source| self.broken(source))
    }

    /// Ends the file, on the disk. An empty one is removed.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn finish(self) -> Result<Vec<PathBuf>, TapeError> {
        let Tape { out, file, mut files, bytes, .. } = self;
        if let Err(source) = out.finish() {
            // What is torn off is removed here, and again before the file is gone on with.
            let _ = mend(&file);
            return Err(TapeError::Write { file, source });
        }
        if bytes == 0 {
            files.retain(|other| *other != file);
            // It stays, empty, where it cannot be removed.
            let _ = fs::remove_file(&file);
        }
        Ok(files)
    }

    fn rotate(&mut self, at_us: u64) -> Result<(), TapeError> {
        self.number += 1;
        let next = part(&self.name, self.number);
        let opened = OpenOptions::new().create(true).append(true).open(&next);
        let opened = opened.map_err(|source| TapeError::Write { file: next.clone(), source })?;
        let before = std::mem::replace(&mut self.out, Out::new(opened, &next));
        before.finish().map_err(|source| self.broken(source))?;
        self.files.push(next.clone());
        (self.file, self.bytes, self.began_us) = (next, 0, Some(at_us));
        Ok(())
    }

    /// Leaves whole lines behind.
    fn broken(&mut self, source: io::Error) -> TapeError {
        if let Ok(sink) = OpenOptions::new().write(true).open("/dev/null") {
            // What is still buffered must not reach the file after it was mended.
            match std::mem::replace(&mut self.out, Out::Plain(BufWriter::new(sink))) {
                Out::Plain(out) => drop(out.into_parts()),
                // Its end is written when it is dropped, and fails like the rest.
                Out::Gzip(out) => drop(out),
            }
        }
        // Where this fails too, the next `open` mends it.
        let _ = mend(&self.file);
        TapeError::Write { file: self.file.clone(), source }
    }
}

/// The highest number among the parts that are there.
fn last_part(name: &Path) -> Option<u32> {
    let directory = name.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::read_dir(directory).ok()?.flatten().filter_map(|entry| number(name, &entry.file_name())).max()
}

enum MendError {
    Io(io::Error),
    Foreign,
}

impl From<io::Error> for MendError {
    fn from(error: io::Error) -> Self {
        MendError::Io(error)
    }
}

impl MendError {
    fn of(self, file: &Path) -> TapeError {
        match self {
            MendError::Io(source) => TapeError::Write { file: file.to_owned(), source },
            MendError::Foreign => TapeError::Foreign(file.to_owned()),
        }
    }
}

/// Removes a torn last line; gives the time of the last one that is whole, and the bytes of lines. A file that is not there is empty.
fn mend(path: &Path) -> Result<(Option<u64>, u64), MendError> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((None, 0)),
        Err(error) => return Err(error.into()),
    };
    if is_gzip(path) { mend_gzip(file, path) } else { mend_plain(file) }
}

fn mend_plain(mut file: File) -> Result<(Option<u64>, u64), MendError> {
    let length = file.metadata()?.len();
    let mut look = FIRST_LOOK;
    loop {
        let (from, given) = if look >= length { (0, Given::All) } else { (length - look, Given::End) };
        let mut end = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        file.read_to_end(&mut end)?;
        match find(&end, given) {
            Found::More => look *= 2,
            Found::Nothing => {
                file.set_len(0)?;
                return Ok((None, 0));
            }
            Found::Foreign => return Err(MendError::Foreign),
            Found::Tail(tail) => {
                let whole = from + tail.whole as u64;
                file.set_len(whole)?;
                return Ok((Some(tail.last_us), whole));
            }
        }
    }
}

/// Whole members are gone on with as they are; one that is torn is written anew with its whole lines.
fn mend_gzip(mut file: File, path: &Path) -> Result<(Option<u64>, u64), MendError> {
    let mut packed = Vec::new();
    file.read_to_end(&mut packed)?;
    let (text, ending) = unpack(&packed);
    let (last_us, whole) = match find(&text, Given::All) {
        Found::Tail(tail) => (Some(tail.last_us), tail.whole),
        Found::Nothing | Found::More if packed.is_empty() || ending == Ending::TornOff => (None, 0),
        Found::Nothing | Found::More | Found::Foreign => return Err(MendError::Foreign),
    };
    if ending == Ending::TornOff || whole < text.len() {
        let anew = path.with_extension("gz.mending");
        let mut out = Out::new(File::create(&anew)?, Path::new("anew.gz"));
        out.write(&text[..whole])?;
        out.finish()?;
        fs::rename(&anew, path)?;
    }
    Ok((last_us, whole as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Trace;
    use wire::frame::Opcode;

    fn line(at_us: u64) -> Vec<u8> {
        let mut out = Vec::new();
        super::super::line::append(at_us, "a", Opcode::Text, b"tick", &mut out);
        out
    }

    fn record(file: &Path, rotation: Option<Rotation>, times: &[u64]) -> (Option<u64>, Vec<PathBuf>) {
        let (mut tape, last) = Tape::open(file, rotation).unwrap();
        for &at in times {
            tape.append(at, &line(at)).unwrap();
        }
        (last, tape.finish().unwrap())
    }

    fn times(file: &Path) -> Vec<u64> {
        Trace::parse(&fs::read(file).unwrap()).unwrap().messages.iter().map(|message| message.at_us).collect()
    }

    #[test]
    fn a_recording_goes_on_where_it_was_torn_off_plain_and_compressed() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["feed.jsonl", "feed.jsonl.gz"] {
            let file = directory.path().join(name);
            assert_eq!(record(&file, None, &[0, 10, 20]).0, None);
            let bytes = fs::read(&file).unwrap();
            // A crash: the end of the file is missing.
            fs::write(&file, &bytes[..bytes.len() - 12]).unwrap();
            let (last, files) = record(&file, None, &[30, 40]);
            let last = last.unwrap();
            assert!(last <= 20, "{name}");
            assert_eq!(files, std::slice::from_ref(&file));
            let kept: Vec<u64> = [0, 10, 20].into_iter().filter(|at| *at <= last).chain([30, 40]).collect();
            assert_eq!(times(&file), kept, "{name}");
            assert_eq!(record(&file, None, &[50]).0, Some(40), "{name}");
        }
    }

    #[test]
    fn what_was_flushed_survives_a_crash() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["feed.jsonl", "feed.jsonl.gz"] {
            let file = directory.path().join(name);
            let (mut tape, _) = Tape::open(&file, None).unwrap();
            tape.append(0, &line(0)).unwrap();
            tape.append(7, &line(7)).unwrap();
            tape.flush().unwrap();
            // As a kill would: nothing is finished.
            std::mem::forget(tape);
            assert_eq!(record(&file, None, &[9]).0, Some(7), "{name}");
            assert_eq!(times(&file), [0, 7, 9], "{name}");
        }
    }

    #[test]
    fn parts_together_are_one_recording_and_the_last_is_gone_on_with() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("feed.jsonl.gz");
        let rotation = Some(Rotation::Bytes(2 * line(10).len() as u64));
        let (_, files) = record(&file, rotation, &[10, 20, 30, 40, 50]);
        assert_eq!(files.len(), 3);
        let (last, files) = record(&file, rotation, &[60, 70]);
        assert_eq!((last, files), (Some(50), vec![part(&file, 3), part(&file, 4)]));
        let together: Vec<u8> = (1..=4).flat_map(|n| fs::read(part(&file, n)).unwrap()).collect();
        let all = directory.path().join("all.gz");
        fs::write(&all, together).unwrap();
        assert_eq!(times(&all), [10, 20, 30, 40, 50, 60, 70]);
    }

    #[test]
    fn by_time_a_part_begins_with_its_first_line() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("feed.jsonl");
        let second = Some(Rotation::Time(std::time::Duration::from_secs(1)));
        let (_, files) = record(&file, second, &[900_000, 1_800_000, 1_900_000, 2_899_999, 2_900_000]);
        assert_eq!(
            files.iter().map(|file| times(file)).collect::<Vec<_>>(),
            [vec![900_000, 1_800_000], vec![1_900_000, 2_899_999], vec![2_900_000]]
        );
    }

    #[test]
    fn another_file_is_left_alone_and_an_empty_recording_leaves_none() {
        let directory = tempfile::tempdir().unwrap();
        let notes = directory.path().join("notes.txt");
        fs::write(&notes, "dear diary\n").unwrap();
        let said = Tape::open(&notes, None).unwrap_err().to_string();
        assert!(said.contains("is no recording"), "{said}");
        assert_eq!(fs::read_to_string(&notes).unwrap(), "dear diary\n");
        let empty = directory.path().join("empty.jsonl");
        assert_eq!(record(&empty, None, &[]), (None, vec![]));
        assert!(!empty.exists());
    }

    #[test]
    fn a_full_disk_is_named_with_what_to_do() {
        let full = Path::new("/dev/full");
        let opened = OpenOptions::new().append(true).open(full).unwrap();
        let mut out = Out::new(opened, full);
        out.write(&line(0)).unwrap();
        let error = TapeError::Write { file: "feed.jsonl".into(), source: out.flush().unwrap_err() };
        assert!(
            error.to_string().ends_with("make room and give the same command again: it goes on from there"),
            "{error}"
        );
    }
}
