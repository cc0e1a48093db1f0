//! The memory that blocks and compressed buffers of an Arrow file claim: libraries take it before they see the data.

use arrow_ipc::{Block, Message, root_as_footer, root_as_message};

use super::open::FileFormat;

/// Marks a message's length in files of today; in older ones the length alone is there.
const CONTINUATION: u32 = u32::MAX;

/// Bytes of the footer's length and of the magic word at the end of a file.
const END: usize = 10;

/// The largest length that a buffer claims to have without its compression, as far as messages can be read.
pub fn largest(bytes: &[u8], format: FileFormat) -> i64 {
    let claims = if format == FileFormat::Arrow { of_file(bytes) } else { Some(of_stream(bytes)) };
    claims.unwrap_or(0)
}

/// The farthest place at which a block of an Arrow file ends, by its footer.
pub fn end_of_blocks(bytes: &[u8]) -> i128 {
    let end = |block: &Block| {
        let lengths = i128::from(block.metaDataLength()) + i128::from(block.bodyLength());
        i128::from(block.offset()) + lengths
    };
    blocks(bytes).unwrap_or_default().iter().map(end).max().unwrap_or(0)
}

/// The blocks that a file's footer lists.
fn blocks(bytes: &[u8]) -> Option<Vec<Block>> {
    let end = bytes.len().checked_sub(END)?;
    let start = end.checked_sub(word(bytes, end)? as usize)?;
    // In memory of its own, whose alignment the reader needs.
    let footer = bytes[start..end].to_vec();
    let footer = root_as_footer(&footer).ok()?;
    Some(
        footer
            .recordBatches()
            .into_iter()
            .flatten()
            .chain(footer.dictionaries().into_iter().flatten())
            .copied()
            .collect(),
    )
}

/// Of the messages of all blocks.
fn of_file(bytes: &[u8]) -> Option<i64> {
    let claims = blocks(bytes)?.into_iter().filter_map(|block| {
        let at = usize::try_from(block.offset()).ok()?;
        let body = at.checked_add(usize::try_from(block.metaDataLength()).ok()?)?;
        let end = body.checked_add(usize::try_from(block.bodyLength()).ok()?)?;
        let start = if word(bytes, at)? == CONTINUATION { at + 8 } else { at + 4 };
        // Readers ask neither the message nor the footer how long it is: a damaged one may reach into the body.
        [body, end].into_iter().find_map(|end| {
            let message = bytes.get(start..end)?.to_vec();
            Some(of_message(&root_as_message(&message).ok()?, bytes.get(body..)?))
        })
    });
    claims.max()
}

/// Of the messages of a stream, one after the other.
fn of_stream(bytes: &[u8]) -> i64 {
    let (mut largest, mut at) = (0, 0);
    while let Some((message, body)) = message_at(bytes, at) {
        let (Ok(message), Some(rest)) = (root_as_message(&message), bytes.get(body..)) else { break };
        largest = largest.max(of_message(&message, rest));
        let Some(next) = usize::try_from(message.bodyLength()).ok().and_then(|length| body.checked_add(length)) else {
            break;
        };
        at = next;
    }
    largest
}

/// A copy of the message at a place, and where its body begins.
fn message_at(bytes: &[u8], at: usize) -> Option<(Vec<u8>, usize)> {
    let first = word(bytes, at)?;
    let (length, start) =
        if first == CONTINUATION { (word(bytes, at.checked_add(4)?)?, at + 8) } else { (first, at + 4) };
    let body = start.checked_add(length as usize)?;
    let message = bytes.get(start..body)?;
    (!message.is_empty()).then(|| (message.to_vec(), body))
}

/// Of the buffers of a batch of records, or of a dictionary's.
fn of_message(message: &Message<'_>, body: &[u8]) -> i64 {
    let batch = message.header_as_record_batch().or_else(|| message.header_as_dictionary_batch()?.data());
    let buffers = batch.filter(|batch| batch.compression().is_some()).and_then(|batch| batch.buffers());
    let claims = buffers.into_iter().flatten().filter(|buffer| buffer.length() > 0).filter_map(|buffer| {
        let prefix = body.get(usize::try_from(buffer.offset()).ok()?..)?.first_chunk()?;
        Some(i64::from_le_bytes(*prefix))
    });
    claims.max().unwrap_or(0)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
