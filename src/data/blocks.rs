//! Cuts a stream of bytes into blocks that end where rows end, for workers to parse in parallel.

use std::io::{self, Read};

use super::records::{Separator, last_end};

/// The approximate size of a block, in bytes.
pub(super) const BLOCK: usize = 1 << 18;

/// The longest row, in bytes; a longer one means that a quote was left open, or that the file is not text.
pub(super) const LONGEST_ROW: usize = 64 * BLOCK;

/// The rest of a stream, to be cut into blocks.
pub(super) struct Blocks<R> {
    input: R,
    /// Bytes that were read and belong to the next block.
    ahead: Vec<u8>,
    at_end: bool,
    /// Buffers to be reused.
    spare: Vec<Vec<u8>>,
}

impl<R: Read> Blocks<R> {
    pub fn new(input: R) -> Blocks<R> {
        Blocks { input, ahead: Vec::new(), at_end: false, spare: Vec::new() }
    }

    /// About a block of the next bytes; all bytes if there are fewer.
    pub fn peek(&mut self) -> io::Result<&[u8]> {
        self.read_to(BLOCK)?;
        Ok(&self.ahead)
    }

    /// Skips the next `count` bytes, which were peeked at.
    pub fn skip(&mut self, count: usize) {
        self.ahead.drain(..count);
    }

    /// The next block. A block larger than [`LONGEST_ROW`] is the beginning of a row, and the last block.
    pub fn next(&mut self, separator: Separator) -> io::Result<Option<Vec<u8>>> {
        let mut size = BLOCK;
        loop {
            self.read_to(size)?;
            let end = if self.at_end { Some(self.ahead.len()) } else { last_end(&self.ahead, separator) };
            match end {
                Some(0) => return Ok(None),
                Some(end) => {
                    let mut ahead = self.spare.pop().unwrap_or_default();
                    ahead.clear();
                    ahead.extend(&self.ahead[end..]);
                    self.ahead.truncate(end);
                    return Ok(Some(std::mem::replace(&mut self.ahead, ahead)));
                }
                None if size > LONGEST_ROW => {
                    self.at_end = true;
                    return Ok(Some(std::mem::take(&mut self.ahead)));
                }
                None => size += BLOCK,
            }
        }
    }

    /// Takes back blocks that are no longer needed, to reuse their memory.
    pub fn reuse(&mut self, blocks: Vec<Vec<u8>>) {
        self.spare.extend(blocks);
    }

    /// Reads until `size` bytes are ahead, or the stream ends.
    fn read_to(&mut self, size: usize) -> io::Result<()> {
        if let Some(wanted @ 1..) = size.checked_sub(self.ahead.len()).filter(|_| !self.at_end) {
            self.ahead.reserve_exact(wanted);
            let read = (&mut self.input).take(wanted as u64).read_to_end(&mut self.ahead)?;
            self.at_end = read < wanted;
        }
        Ok(())
    }
}
