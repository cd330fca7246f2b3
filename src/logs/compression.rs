//! Compressed logs, told by their first bytes and never by their names: gzip, bzip2, xz and zstd, each of several parts if need
//! be, and what is no log but an archive of files.
//!
//! What can be decompressed is delivered before a fault is told, and a file that ends too early is told apart from one that is
//! damaged. What follows a complete part without being another is padding: logs are copied while they are written.

use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::fmt;
use std::io::{self, BufRead, Read};

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Compression {
    /// Not.
    #[default]
    Plain,
    /// gzip.
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// Its program's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        }
    }

    fn of(start: &[u8]) -> Self {
        if start.starts_with(b"\x1f\x8b\x08") {
            Self::Gzip
        } else if start.starts_with(b"BZh")
            && start.get(3).is_some_and(|level| (b'1'..=b'9').contains(level))
            && is_bzip2_block(start)
        {
            Self::Bzip2
        } else if start.starts_with(XZ) {
            Self::Xz
        } else if start.starts_with(ZSTD) || is_skippable(start) {
            Self::Zstd
        } else {
            Self::Plain
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

const XZ: &[u8] = b"\xfd7zXZ\0";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";

/// A block begins, or the stream ends.
fn is_bzip2_block(start: &[u8]) -> bool {
    matches!(start.get(4..10), Some(b"\x31\x41\x59\x26\x53\x59" | b"\x17\x72\x45\x38\x50\x90"))
}

/// A frame of zstd that holds no data.
fn is_skippable(start: &[u8]) -> bool {
    matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Archives, and compressions that are not read.
const REFUSED: [(&[u8], &str); 10] = [
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"MSCF\0\0\0\0", "a cab archive"),
    (b"070701", "a cpio archive"),
    (b"!<arch>\n", "an ar archive"),
    (b"\x04\x22\x4d\x18", "compressed by lz4"),
    (b"\x1f\x9d", "compressed by compress (.Z)"),
    (b"LZIP", "compressed by lzip"),
];

/// What a file is that must be unpacked by other means first.
fn refused(start: &[u8]) -> Option<&'static str> {
    let is_tar = start.get(257..262) == Some(b"ustar");
    let listed = REFUSED.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, name)| *name);
    if is_tar { Some("a tar archive") } else { listed }
}

fn refuse(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("is {name}: unpack it first"))
}

/// As much as tells all compressions and archives.
const START: usize = 512;

/// Bytes between the source and a decoder.
const BUFFER: usize = 64 << 10;

/// The bytes inside of a stream, and how it is compressed. Archives are refused by name, also inside of a compression.
pub fn open(reader: impl Read + Send + 'static) -> io::Result<(Box<dyn Read + Send>, Compression)> {
    let mut source = Source::new(Box::new(reader));
    let start = source.peek(START)?;
    if let Some(name) = refused(start) {
        return Err(refuse(name));
    }
    let compression = Compression::of(start);
    if compression == Compression::Plain {
        return Ok((Box::new(source), compression));
    }
    let mut parts = Parts { compression, part: Part::Between(source), is_done: false };
    // an archive inside is known by the same bytes
    let mut head = vec![0; START];
    let (mut len, mut fault) = (0, None);
    while len < START && fault.is_none() {
        match parts.read(&mut head[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) => fault = Some(error),
        }
    }
    head.truncate(len);
    if let Some(name) = refused(&head) {
        return Err(refuse(&format!("{name} inside {compression}")));
    }
    Ok((Box::new(io::Cursor::new(head).chain(Fault(fault)).chain(parts)), compression))
}

/// An error that is told once, where it stood.
struct Fault(Option<io::Error>);

impl Read for Fault {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// A source that can be looked into, and remembers that it ended.
struct Source {
    inner: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    at: usize,
    is_at_end: bool,
    /// What the source itself failed with: no fault of what is in it.
    fault: Option<(io::ErrorKind, String)>,
}

impl Source {
    fn new(inner: Box<dyn Read + Send>) -> Self {
        Self { inner, buffer: Vec::with_capacity(BUFFER), at: 0, is_at_end: false, fault: None }
    }

    /// The next bytes, fewer than asked for only at the end.
    fn peek(&mut self, len: usize) -> io::Result<&[u8]> {
        while self.buffer.len() - self.at < len && !self.is_at_end {
            self.more()?;
        }
        let ahead = &self.buffer[self.at..];
        Ok(&ahead[..ahead.len().min(len)])
    }

    fn more(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let len = self.buffer.len();
        self.buffer.resize(len.max(BUFFER / 2) + BUFFER / 2, 0);
        let read = loop {
            match self.inner.read(&mut self.buffer[len..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer.truncate(len + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => self.is_at_end = true,
            Ok(_) => {}
            Err(error) => {
                self.fault = Some((error.kind(), error.to_string()));
                return Err(error);
            }
        }
        Ok(())
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.peek(1)?;
        Ok(&self.buffer[self.at..])
    }

    fn consume(&mut self, amount: usize) {
        self.at = (self.at + amount).min(self.buffer.len());
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // large reads of a plain file need not go through the buffer
        if self.at == self.buffer.len() && buffer.len() >= BUFFER && !self.is_at_end {
            return self.inner.read(buffer);
        }
        let ahead = self.fill_buf()?;
        let len = ahead.len().min(buffer.len());
        buffer[..len].copy_from_slice(&ahead[..len]);
        self.consume(len);
        Ok(len)
    }
}

/// A member, stream or frame being decompressed.
enum Part {
    /// None: the next may begin.
    Between(Source),
    Gzip(Box<GzDecoder<Source>>),
    Bzip2(Box<bzip2::bufread::BzDecoder<Source>>),
    Xz(Box<XzReader<Source>>),
    Zstd(Box<Frame>),
    /// A fault was told.
    Failed,
}

/// A frame of zstd.
struct Frame {
    decoder: FrameDecoder,
    source: Source,
    /// Told when what was decompressed before it is read.
    fault: Option<io::Error>,
}

/// Frames that refer further back are for special purposes, and cost as much memory.
const WINDOW: u64 = 128 << 20;

impl Frame {
    fn begin(mut source: Source) -> Result<Self, (io::Error, Source)> {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        match decoder.init(&mut source) {
            Ok(()) => Ok(Self { decoder, source, fault: None }),
            Err(error) => Err((io::Error::other(error), source)),
        }
    }
}

impl Read for Frame {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            if let Err(error) = self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1)) {
                self.fault = Some(io::Error::other(error));
                // the decoder keeps back what later blocks could refer to; an empty last block and a checksum of nothing say
                // that there are none
                let end = [1_u8, 0, 0, 0, 0, 0, 0];
                if self.decoder.decode_blocks(end.as_slice(), BlockDecodingStrategy::All).is_err() {
                    break;
                }
            }
        }
        let read = self.decoder.read(buffer)?;
        if read > 0 || buffer.is_empty() {
            return Ok(read);
        }
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        match (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum()) {
            (Some(stored), Some(found)) if stored != found => Err(io::Error::other("checksum does not match")),
            _ => Ok(0),
        }
    }
}

/// The parts of a compressed stream, one behind the other.
struct Parts {
    compression: Compression,
    part: Part,
    is_done: bool,
}

impl Parts {
    /// What the fault is to whoever reads the log.
    fn fault(&self, error: &io::Error, source: Option<&Source>) -> io::Error {
        let name = self.compression;
        if let Some((kind, text)) = source.and_then(|source| source.fault.as_ref()) {
            return io::Error::new(*kind, text.clone());
        }
        let is_cut = error.kind() == io::ErrorKind::UnexpectedEof
            || source.is_some_and(|source| source.is_at_end && source.at == source.buffer.len());
        if is_cut {
            io::Error::new(io::ErrorKind::UnexpectedEof, format!("{name} data is truncated"))
        } else {
            io::Error::new(io::ErrorKind::InvalidData, format!("{name} data is damaged: {error}"))
        }
    }

    /// Begins the next part; `None` where there is none.
    fn begin(&self, mut source: Source) -> io::Result<Option<Part>> {
        loop {
            // zeros are padding of tapes and of xz itself
            let start = source.peek(START)?;
            let zeros = start.iter().take_while(|b| **b == 0).count();
            if zeros > 0 {
                source.consume(zeros);
                continue;
            }
            if Compression::of(start) != self.compression {
                return Ok(None);
            }
            if self.compression == Compression::Zstd && is_skippable(start) {
                let len = start.get(4..8).and_then(|len| len.try_into().ok()).map_or(0, u32::from_le_bytes);
                let mut frame = (&mut source).take(u64::from(len) + 8);
                io::copy(&mut frame, &mut io::sink())?;
                continue;
            }
            return Ok(Some(match self.compression {
                Compression::Gzip => Part::Gzip(Box::new(GzDecoder::new(source))),
                Compression::Bzip2 => Part::Bzip2(Box::new(bzip2::bufread::BzDecoder::new(source))),
                Compression::Xz => Part::Xz(Box::new(XzReader::new(source, false))),
                Compression::Zstd => match Frame::begin(source) {
                    Ok(frame) => Part::Zstd(Box::new(frame)),
                    Err((error, source)) => return Err(self.fault(&error, Some(&source))),
                },
                Compression::Plain => return Ok(None),
            }));
        }
    }
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while !self.is_done {
            let read = match &mut self.part {
                Part::Between(_) => Ok(0),
                Part::Gzip(part) => part.read(buffer),
                Part::Bzip2(part) => part.read(buffer),
                Part::Xz(part) => part.read(buffer),
                Part::Zstd(part) => part.read(buffer),
                Part::Failed => break,
            };
            match read {
                Ok(0) => {}
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) => {
                    self.is_done = true;
                    let part = std::mem::replace(&mut self.part, Part::Failed);
                    let source = match &part {
                        Part::Between(source) => Some(source),
                        Part::Gzip(part) => Some(part.get_ref()),
                        Part::Bzip2(part) => Some(part.get_ref()),
                        // it gives its source away while it works
                        Part::Xz(_) | Part::Failed => None,
                        Part::Zstd(part) => Some(&part.source),
                    };
                    return Err(self.fault(&error, source));
                }
            }
            let source = match std::mem::replace(&mut self.part, Part::Failed) {
                Part::Between(source) => source,
                Part::Gzip(part) => part.into_inner(),
                Part::Bzip2(part) => part.into_inner(),
                Part::Xz(part) => part.into_inner(),
                Part::Zstd(part) => part.source,
                Part::Failed => break,
            };
            match self.begin(source) {
                Ok(Some(part)) => self.part = part,
                Ok(None) => self.is_done = true,
                Err(error) => {
                    self.is_done = true;
                    return Err(error);
                }
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn log() -> Vec<u8> {
        let line = |n: u32| {
            format!(
                "2026-11-22 02:00:16.670 UTC [{}] LOG:  duration: 0.{n} ms  statement: select {}\n",
                n % 97,
                n.wrapping_mul(2_654_435_761)
            )
        };
        (0..20_000).map(line).collect::<String>().into_bytes()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn bzip2(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    /// Stored, not compressed: the writer of this format is not among the dependencies.
    fn xz(bytes: &[u8]) -> Vec<u8> {
        fn crc32(bytes: &[u8]) -> [u8; 4] {
            let mut crc = flate2::Crc::new();
            crc.update(bytes);
            crc.sum().to_le_bytes()
        }
        fn varint(mut value: u64, out: &mut Vec<u8>) {
            while value >= 128 {
                out.push(value as u8 | 128);
                value >>= 7;
            }
            out.push(value as u8);
        }
        let flags = [0, 1];
        let mut out = XZ.to_vec();
        out.extend(flags);
        out.extend(crc32(&flags));
        let header = [2, 0, 0x21, 1, 22, 0, 0, 0];
        out.extend(header);
        out.extend(crc32(&header));
        let start = out.len();
        for (n, chunk) in bytes.chunks(1 << 16).enumerate() {
            out.push(if n == 0 { 1 } else { 2 });
            out.extend(((chunk.len() - 1) as u16).to_be_bytes());
            out.extend_from_slice(chunk);
        }
        out.push(0);
        let unpadded = 12 + out.len() - start + 4;
        while !(out.len() - start).is_multiple_of(4) {
            out.push(0);
        }
        out.extend(crc32(bytes));
        let mut index = vec![0];
        varint(1, &mut index);
        varint(unpadded as u64, &mut index);
        varint(bytes.len() as u64, &mut index);
        while !index.len().is_multiple_of(4) {
            index.push(0);
        }
        let crc = crc32(&index);
        index.extend(crc);
        let mut footer = ((index.len() / 4 - 1) as u32).to_le_bytes().to_vec();
        footer.extend(flags);
        out.extend(index);
        out.extend(crc32(&footer));
        out.extend(footer);
        out.extend(b"YZ");
        out
    }

    type Compress = fn(&[u8]) -> Vec<u8>;
    const ALL: [(Compression, Compress); 4] =
        [(Compression::Gzip, gzip), (Compression::Bzip2, bzip2), (Compression::Xz, xz), (Compression::Zstd, zstd)];

    /// Gives a few bytes at a time.
    struct Drip(io::Cursor<Vec<u8>>, usize);

    impl Read for Drip {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let len = buffer.len().min(self.1);
            self.0.read(&mut buffer[..len])
        }
    }

    fn read(bytes: &[u8]) -> (Vec<u8>, Compression, Option<io::Error>) {
        let (mut reader, compression) = open(io::Cursor::new(bytes.to_vec())).unwrap();
        let mut out = Vec::new();
        let error = reader.read_to_end(&mut out).err();
        // after a fault there is nothing more
        if error.is_some() {
            assert_eq!(reader.read(&mut [0; 10]).unwrap(), 0);
        }
        (out, compression, error)
    }

    #[test]
    fn every_compression_of_several_parts_with_padding() {
        let log = log();
        let (first, second) = log.split_at(log.len() / 3);
        for (compression, compress) in ALL {
            let (one, two) = (compress(first), compress(second));
            for (between, after) in [
                (b"".as_slice(), b"".as_slice()),
                (b"\0\0\0\0", b"\0\0\0\0\0\0\0\0"),
                (b"", b"garbage that is no part"),
                (b"", b"\x1f"),
                (b"", &[0; 100_000]),
            ] {
                let bytes = [one.as_slice(), between, &two, after].concat();
                let (out, found, error) = read(&bytes);
                assert_eq!((found, error.map(|e| e.to_string())), (compression, None));
                assert!(out == log, "{compression}");
            }
            let mut out = Vec::new();
            let drip = Drip(io::Cursor::new([one, two].concat()), 7);
            open(drip).unwrap().0.read_to_end(&mut out).unwrap();
            assert!(out == log, "{compression}");
            assert!(read(&compress(b"")).0.is_empty());
        }
        let (out, compression, error) = read(&log);
        assert!(out == log && compression == Compression::Plain && error.is_none());
        assert!(read(b"").0.is_empty());
    }

    #[test]
    fn what_is_there_of_a_truncated_file_is_delivered() {
        let log = log();
        for (compression, compress) in ALL {
            let whole = compress(&log);
            for cut in [whole.len() - 1, whole.len() - 9, whole.len() / 2, whole.len() / 10, 600, 30] {
                let (out, _, error) = read(&whole[..cut]);
                let error = error.unwrap_or_else(|| panic!("{compression} {cut}"));
                assert_eq!(error.to_string(), format!("{compression} data is truncated"), "{cut}");
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
                assert!(log.starts_with(&out));
                // bzip2 has blocks of 100 kB, zstd of 128 kB
                let least = (log.len() * cut / whole.len()).saturating_sub(400_000);
                assert!(out.len() >= least, "{compression}: {} of {least}", out.len());
            }
        }
    }

    #[test]
    fn damage_is_told_and_nothing_panics() {
        let log = log();
        for (compression, compress) in ALL {
            let whole = compress(&log[..100_000]);
            for at in (0..whole.len()).step_by(whole.len() / 25 + 1) {
                let mut bytes = whole.clone();
                bytes[at] ^= 0x55;
                let Ok((mut reader, _)) = open(io::Cursor::new(bytes)) else { continue };
                let mut out = Vec::new();
                if let Err(error) = reader.read_to_end(&mut out) {
                    assert!(error.to_string().starts_with(compression.name()), "{error}");
                }
            }
        }
    }

    #[test]
    fn empty_frames_are_skipped() {
        let skip = [b"\x5a\x2a\x4d\x18\x03\0\0\0abc".as_slice()].concat();
        let bytes = [skip.as_slice(), &zstd(b"a\n"), &skip, &zstd(b"b\n"), &skip].concat();
        assert_eq!(read(&bytes).0, b"a\nb\n");
    }

    #[test]
    fn archives_are_refused_by_name() {
        let mut tar = vec![b'x'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let refused = |bytes: &[u8]| open(io::Cursor::new(bytes.to_vec())).map(|_| ()).unwrap_err().to_string();
        assert_eq!(refused(&tar), "is a tar archive: unpack it first");
        assert_eq!(refused(&gzip(&tar)), "is a tar archive inside gzip: unpack it first");
        assert_eq!(refused(b"PK\x03\x04...."), "is a zip archive: unpack it first");
        assert_eq!(refused(b"7z\xbc\xaf\x27\x1c"), "is a 7z archive: unpack it first");
    }

    #[test]
    fn faults_of_the_source_are_its_own() {
        struct Broken(io::Cursor<Vec<u8>>);
        impl Read for Broken {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                match self.0.read(buffer)? {
                    0 => Err(io::Error::other("the disk is on fire")),
                    read => Ok(read),
                }
            }
        }
        for (_, compress) in &ALL[..2] {
            let bytes = compress(&log());
            let source = Broken(io::Cursor::new(bytes[..bytes.len() / 2].to_vec()));
            let error = open(source).unwrap().0.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(error.to_string(), "the disk is on fire");
        }
    }
}
