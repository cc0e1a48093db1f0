//! Arrays in the library that reads and writes Zarr, and their chunks as numbers.

use std::io;
use std::sync::Arc;

use half::f16;
use zarrs::array::{Array, ArrayError, ArrayMetadata as ZarrMetadata, CodecOptions};

use super::files::{Files, to_io};
use super::metadata::{ArrayMetadata, Type};

/// The array that `metadata` describes.
pub fn open(files: &Arc<Files>, metadata: &ArrayMetadata) -> io::Result<Array<Files>> {
    let json: ZarrMetadata = serde_json::from_value(metadata.json())?;
    Array::new_with_metadata(files.clone(), &format!("/{}", metadata.path), json).map_err(io::Error::other)
}

/// Writes a chunk of numbers in the array's type.
pub fn write_chunk(array: &Array<Files>, data_type: Type, chunk: &[u64], numbers: Vec<f64>) -> io::Result<()> {
    // Chunks of zeros too: a missing chunk is a lost one.
    let options = CodecOptions::default().with_store_empty_chunks(true);
    let all = || numbers.iter().copied();
    let stored = match data_type {
        Type::Float64 => array.store_chunk_opt(chunk, numbers, &options),
        Type::Float32 => {
            array.store_chunk_opt(chunk, all().map(|number| number as f32).collect::<Vec<f32>>(), &options)
        }
        Type::Float16 => array.store_chunk_opt(chunk, all().map(f16::from_f64).collect::<Vec<f16>>(), &options),
        Type::Int64 => array.store_chunk_opt(chunk, all().map(|number| number as i64).collect::<Vec<i64>>(), &options),
        Type::Bool => array.store_chunk_opt(chunk, all().map(|number| number == 1.0).collect::<Vec<bool>>(), &options),
        Type::String => return Err(io::Error::other("text is no number")),
    };
    stored.map_err(array_to_io)
}

/// Reads a chunk as numbers; `None` if the chunk is missing.
pub fn read_chunk(array: &Array<Files>, data_type: Type, chunk: &[u64]) -> Result<Option<Vec<f64>>, ArrayError> {
    Ok(match data_type {
        Type::Float64 => array.retrieve_chunk_if_exists::<Vec<f64>>(chunk)?,
        Type::Float32 => {
            array.retrieve_chunk_if_exists::<Vec<f32>>(chunk)?.map(|n| n.into_iter().map(f64::from).collect())
        }
        Type::Float16 => {
            array.retrieve_chunk_if_exists::<Vec<f16>>(chunk)?.map(|n| n.into_iter().map(f64::from).collect())
        }
        Type::Int64 => {
            array.retrieve_chunk_if_exists::<Vec<i64>>(chunk)?.map(|n| n.into_iter().map(|n| n as f64).collect())
        }
        Type::Bool => array
            .retrieve_chunk_if_exists::<Vec<bool>>(chunk)?
            .map(|n| n.into_iter().map(|yes| f64::from(u8::from(yes))).collect()),
        Type::String => None,
    })
}

/// Writes all of an array of text in a single chunk.
pub fn write_text(files: &Arc<Files>, metadata: &ArrayMetadata, text: Vec<String>) -> io::Result<()> {
    let array = open(files, metadata)?;
    array.store_chunk(&vec![0; metadata.dimensions.len()], text).map_err(array_to_io)
}

/// The operating system's error inside an array error.
pub fn array_to_io(error: ArrayError) -> io::Error {
    match error {
        ArrayError::StorageError(error) => to_io(error),
        other => io::Error::other(other.to_string()),
    }
}
