//! The memory that blocks and compressed buffers of an Arrow file claim: libraries take it before they see the data.

use arrow_ipc::{Block, Message, root_as_footer, root_as_message};

use super::open::FileFormat;
use crate::machine;

/// Marks a message's length in files of today; in older ones the length alone is there.
const CONTINUATION: u32 = u32::MAX;

/// Bytes of the footer's length and of the magic word at the end of a file.
const END: usize = 10;

/// Refuses files and streams of Arrow whose blocks end after the file, or whose buffers claim more memory than is free.
///
/// # Errors
/// What such a part claims.
pub fn check(bytes: &[u8], format: FileFormat) -> Result<(), String> {
    let claimed = match format {
        FileFormat::Arrow => {
            let (blocks, length) = (blocks(bytes).unwrap_or_default(), bytes.len());
            let ends = blocks.iter().map(|block| {
                block.offset().saturating_add(block.metaDataLength().into()).saturating_add(block.bodyLength())
            });
            let end = ends.max().unwrap_or(0);
            if usize::try_from(end).is_ok_and(|end| end > length) {
                return Err(format!("a part of it ends at byte {end}, and the file at byte {length}"));
            }
            of_blocks(bytes, &blocks)
        }
        FileFormat::ArrowStream => of_stream(bytes),
        _ => return Ok(()),
    };
    match machine::available_memory() {
        Some(free) if u64::try_from(claimed).is_ok_and(|claimed| claimed > free) => {
            Err(format!("a part of it claims to be {claimed} bytes long, and {free} are free"))
        }
        _ => Ok(()),
    }
}

/// The blocks that a file's footer lists.
fn blocks(bytes: &[u8]) -> Option<Vec<Block>> {
    let end = bytes.len().checked_sub(END)?;
    let start = end.checked_sub(word(bytes, end)? as usize)?;
    // In memory of its own, whose alignment the reader needs.
    let footer = bytes[start..end].to_vec();
    let footer = root_as_footer(&footer).ok()?;
    let lists = [footer.recordBatches(), footer.dictionaries()];
    Some(lists.into_iter().flatten().flatten().copied().collect())
}

/// The largest length that a compressed buffer of these blocks claims, as far as their messages can be read.
fn of_blocks(bytes: &[u8], blocks: &[Block]) -> i64 {
    let claims = blocks.iter().filter_map(|block| {
        let at = usize::try_from(block.offset()).ok()?;
        let body = at.checked_add(usize::try_from(block.metaDataLength()).ok()?)?;
        let end = body.checked_add(usize::try_from(block.bodyLength()).ok()?)?;
        let start = if word(bytes, at)? == CONTINUATION { at + 8 } else { at + 4 };
        // The library asks nobody how long a message is: a damaged one may reach into the body.
        [body, end].into_iter().find_map(|end| {
            let message = bytes.get(start..end)?.to_vec();
            Some(of_message(&root_as_message(&message).ok()?, bytes.get(body..)?))
        })
    });
    claims.max().unwrap_or(0)
}

/// The largest length that a compressed buffer of a stream claims, message after message.
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

/// The largest length that a compressed buffer of a message claims, be it a batch of records or a dictionary.
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
