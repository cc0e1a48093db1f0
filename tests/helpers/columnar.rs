//! Tables as files with types, for tests of what is read from them.

use arrow_array::{ArrayRef, RecordBatch};

/// A table as a file of Parquet, as one of Arrow and as a stream of Arrow, each with its format's name, in two batches.
pub fn files(columns: &[(&str, ArrayRef)]) -> Vec<(&'static str, Vec<u8>)> {
    let batch = RecordBatch::try_from_iter(columns.iter().map(|(name, values)| (*name, values.clone()))).unwrap();
    let half = batch.num_rows() / 2;
    let batches = [batch.slice(0, half), batch.slice(half, batch.num_rows() - half)];
    let schema = batch.schema();
    let mut parquet = parquet::arrow::ArrowWriter::try_new(Vec::new(), schema.clone(), None).unwrap();
    let mut file = arrow_ipc::writer::FileWriter::try_new(Vec::new(), &schema).unwrap();
    let mut stream = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &schema).unwrap();
    for batch in &batches {
        parquet.write(batch).unwrap();
        file.write(batch).unwrap();
        stream.write(batch).unwrap();
    }
    vec![
        ("Parquet", parquet.into_inner().unwrap()),
        ("Arrow", file.into_inner().unwrap()),
        ("Arrow", stream.into_inner().unwrap()),
    ]
}
