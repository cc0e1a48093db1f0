//! The metadata of a store, in the JSON of Zarr v3: of arrays, of groups, and of everything at the root, which readers
//! look at first, and which gives the number of draws.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Compression level: draws are noise, and a higher level gains nothing.
const LEVEL: i32 = 1;

/// The type of an array's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    Float64,
    Float32,
    Float16,
    Int64,
    Bool,
    String,
}

impl Type {
    /// Bytes of an element; for text, a nominal size.
    pub fn bytes(self) -> usize {
        match self {
            Type::Float64 | Type::Int64 => 8,
            Type::Float32 => 4,
            Type::Float16 => 2,
            Type::Bool => 1,
            Type::String => 16,
        }
    }

    fn fill(self) -> Value {
        match self {
            Type::Float64 | Type::Float32 | Type::Float16 => json!("NaN"),
            Type::Int64 => json!(0),
            Type::Bool => json!(false),
            Type::String => json!(""),
        }
    }

    fn codec(self) -> Value {
        match self {
            Type::String => json!({"name": "vlen-utf8"}),
            _ => json!({"name": "bytes", "configuration": {"endian": "little"}}),
        }
    }
}

/// The metadata of an array.
#[derive(Debug, Clone)]
pub struct ArrayMetadata {
    /// Such as `posterior/a`.
    pub path: String,
    pub data_type: Type,
    /// Name and length of each dimension.
    pub dimensions: Vec<(String, usize)>,
    /// Length of a chunk in each dimension.
    pub chunk: Vec<usize>,
    pub attributes: Map<String, Value>,
}

impl ArrayMetadata {
    /// The metadata of an array in a single chunk.
    pub fn whole(path: String, data_type: Type, dimensions: &[(&str, usize)]) -> ArrayMetadata {
        ArrayMetadata {
            path,
            data_type,
            chunk: dimensions.iter().map(|(_, length)| (*length).max(1)).collect(),
            dimensions: dimensions.iter().map(|(name, length)| (name.to_string(), *length)).collect(),
            attributes: Map::new(),
        }
    }

    /// The metadata of the array at `path`, from its `zarr.json`; `None` if they are not valid.
    pub fn parse(path: &str, json: &Value) -> Option<ArrayMetadata> {
        let lengths = |at: &str| -> Option<Vec<usize>> {
            json.pointer(at)?.as_array()?.iter().map(|length| Some(length.as_u64()? as usize)).collect()
        };
        let (shape, chunk) = (lengths("/shape")?, lengths("/chunk_grid/configuration/chunk_shape")?);
        let names: Vec<String> = serde_json::from_value(json.get("dimension_names")?.clone()).ok()?;
        (shape.len() == names.len() && chunk.len() == names.len()).then_some(())?;
        Some(ArrayMetadata {
            path: path.to_string(),
            data_type: serde_json::from_value(json.get("data_type")?.clone()).ok()?,
            dimensions: names.into_iter().zip(shape).collect(),
            chunk,
            attributes: json.get("attributes")?.as_object()?.clone(),
        })
    }

    /// The content of `zarr.json`.
    pub fn json(&self) -> Value {
        let (names, shape): (Vec<&str>, Vec<usize>) =
            self.dimensions.iter().map(|(name, length)| (name.as_str(), *length)).unzip();
        json!({
            "zarr_format": 3,
            "node_type": "array",
            "shape": shape,
            "data_type": self.data_type,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": self.chunk}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": self.data_type.fill(),
            "codecs": [
                self.data_type.codec(),
                {"name": "zstd", "configuration": {"level": LEVEL, "checksum": true}},
            ],
            "attributes": self.attributes,
            "dimension_names": names,
            "storage_transformers": [],
        })
    }
}

/// The metadata of a group.
pub fn group(attributes: &Map<String, Value>) -> Value {
    json!({"zarr_format": 3, "node_type": "group", "attributes": attributes})
}

/// The metadata of the root, with the metadata of all `nodes` by their paths.
pub fn root(attributes: &Map<String, Value>, nodes: Map<String, Value>) -> Value {
    json!({
        "zarr_format": 3,
        "node_type": "group",
        "attributes": attributes,
        "consolidated_metadata": {"kind": "inline", "must_understand": false, "metadata": nodes},
    })
}
