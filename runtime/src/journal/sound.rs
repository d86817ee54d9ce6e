//! How far a journal holds together. The reader makes room for whatever a length in the file
//! claims, so that a few broken bytes could ask for gigabytes: every length is looked at before.

/// Kinds of record, by the MCAP specification.
const HEADER: u8 = 1;
const SCHEMA: u8 = 3;
const CHANNEL: u8 = 4;
const CHUNK: u8 = 6;
const CHUNK_INDEX: u8 = 8;
const ATTACHMENT: u8 = 9;
const ATTACHMENT_INDEX: u8 = 10;
const METADATA: u8 = 12;
const METADATA_INDEX: u8 = 13;
const DATA_END: u8 = 15;
/// Where the records in a chunk that is not packed begin.
const FIRST_RECORD: usize = 40;

/// Bytes up to the first record with a length that does not fit into what holds it; all of them
/// where everything before the end of the data fits, for nothing is read after that.
pub(super) fn sound_length(bytes: &[u8]) -> usize {
    let mut at = mcap::MAGIC.len();
    loop {
        match frame(bytes, at) {
            Some((DATA_END, ..)) => return bytes.len(),
            Some((code, body, end)) if body_fits(code, body).is_some() => at = end,
            _ => break,
        }
    }
    let part = bytes.get(at..).and_then(part_of_chunk).unwrap_or_default();
    at.saturating_add(part).min(bytes.len())
}

/// Bytes of a chunk that was cut off or is broken somewhere inside, up to there.
fn part_of_chunk(bytes: &[u8]) -> Option<usize> {
    let body = bytes.get(9..)?;
    let packed = short(body, 28)? > 0;
    // A record may not go past the size the chunk gives itself either.
    let size = long(body, 32)?;
    let records = body.get(FIRST_RECORD..)?;
    let records = records.get(..size).unwrap_or(records);
    let is_one = bytes.first() == Some(&CHUNK) && !packed;
    is_one.then_some(9 + FIRST_RECORD + whole_records(records))
}

/// Bytes of the records in a chunk up to the first that does not fit.
fn whole_records(records: &[u8]) -> usize {
    let mut at = 0;
    while let Some((code, body, end)) = frame(records, at) {
        // No chunk holds another one.
        if code == CHUNK || body_fits(code, body).is_none() {
            break;
        }
        at = end;
    }
    at
}

/// Kind, content and end of the record at `at`, if it fits.
fn frame(bytes: &[u8], at: usize) -> Option<(u8, &[u8], usize)> {
    let start = at.checked_add(9)?;
    let end = start.checked_add(long(bytes, at.checked_add(1)?)?)?;
    Some((*bytes.get(at)?, bytes.get(start..end)?, end))
}

/// Every length inside a record fits into it.
fn body_fits(code: u8, body: &[u8]) -> Option<()> {
    match code {
        HEADER => texts(body, 0, 2).map(drop),
        SCHEMA => texts(body, 2, 2).map(drop),
        CHANNEL => map(body, texts(body, 4, 2)?),
        ATTACHMENT => texts(body, 16, 2).map(drop),
        METADATA => map(body, texts(body, 0, 1)?),
        CHUNK => chunk(body),
        // They belong behind the end of the data.
        CHUNK_INDEX | ATTACHMENT_INDEX | METADATA_INDEX => None,
        _ => Some(()),
    }
}

/// A chunk: two times, size of what is in it, checksum, name of the packing, length, records. Ours
/// are not packed, so that the name is empty.
fn chunk(body: &[u8]) -> Option<()> {
    let records = body.get(FIRST_RECORD..)?;
    let named = short(body, 28)?;
    let sizes = [long(body, 16)?, long(body, 32)?, whole_records(records)];
    (named == 0 && sizes == [records.len(); 3]).then_some(())
}

/// Where the last of `count` texts ends, of which the first begins at `at`.
fn texts(body: &[u8], mut at: usize, count: usize) -> Option<usize> {
    for _ in 0..count {
        let start = at.checked_add(4)?;
        at = start.checked_add(short(body, at)?)?;
        body.get(start..at)?;
    }
    Some(at)
}

/// Pairs of texts, after their length in bytes.
fn map(body: &[u8], at: usize) -> Option<()> {
    let mut inside = at.checked_add(4)?;
    let end = inside.checked_add(short(body, at)?)?;
    body.get(inside..end)?;
    while inside < end {
        inside = texts(body, inside, 2)?;
    }
    Some(())
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(four.try_into().ok()?)).ok()
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    let eight = bytes.get(at..at.checked_add(8)?)?;
    usize::try_from(u64::from_le_bytes(eight.try_into().ok()?)).ok()
}
