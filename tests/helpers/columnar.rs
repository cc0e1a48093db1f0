//! Tables as files with types, for tests of what is read from them.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};

/// A table in two batches.
fn batches(columns: &[(&str, ArrayRef)]) -> [RecordBatch; 2] {
    let batch = RecordBatch::try_from_iter(columns.iter().map(|(name, values)| (*name, values.clone()))).unwrap();
    let half = batch.num_rows() / 2;
    [batch.slice(0, half), batch.slice(half, batch.num_rows() - half)]
}

/// A table as a file of Arrow and as a stream of Arrow, written with these options.
pub fn arrow(columns: &[(&str, ArrayRef)], options: &IpcWriteOptions) -> [Vec<u8>; 2] {
    let batches = batches(columns);
    let schema = batches[0].schema();
    let mut file = FileWriter::try_new_with_options(Vec::new(), &schema, options.clone()).unwrap();
    let mut stream = StreamWriter::try_new_with_options(Vec::new(), &schema, options.clone()).unwrap();
    for batch in &batches {
        file.write(batch).unwrap();
        stream.write(batch).unwrap();
    }
    [file.into_inner().unwrap(), stream.into_inner().unwrap()]
}

/// A table as a file of Parquet, as one of Arrow and as a stream of Arrow, each with its format's name, in two batches.
pub fn files(columns: &[(&str, ArrayRef)]) -> Vec<(&'static str, Vec<u8>)> {
    let batches = batches(columns);
    let mut parquet = parquet::arrow::ArrowWriter::try_new(Vec::new(), batches[0].schema(), None).unwrap();
    batches.iter().for_each(|batch| parquet.write(batch).unwrap());
    let [file, stream] = arrow(columns, &IpcWriteOptions::default());
    vec![("Parquet", parquet.into_inner().unwrap()), ("Arrow", file), ("Arrow", stream)]
}
