//! The metadata of a store, as Zarr v3 writes them in JSON: of arrays, of groups, and of everything at once at the root,
//! which is what readers look at first, and what says how many draws there are.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Effort of the compression: draws are noise, and more effort finds nothing in them.
const LEVEL: i32 = 1;

/// What the numbers of an array are.
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
    /// Bytes of an element, where they are all of one size.
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

/// An array, wherever its elements come from.
#[derive(Debug, Clone)]
pub struct ArrayMetadata {
    /// `posterior/a`.
    pub path: String,
    pub data_type: Type,
    /// The name and the length of each dimension.
    pub dimensions: Vec<(String, usize)>,
    /// The lengths of a chunk.
    pub chunk: Vec<usize>,
    pub attributes: Map<String, Value>,
}

impl ArrayMetadata {
    /// An array in a single chunk.
    pub fn whole(path: String, data_type: Type, dimensions: &[(&str, usize)]) -> ArrayMetadata {
        ArrayMetadata {
            path,
            data_type,
            chunk: dimensions.iter().map(|(_, length)| (*length).max(1)).collect(),
            dimensions: dimensions.iter().map(|(name, length)| (name.to_string(), *length)).collect(),
            attributes: Map::new(),
        }
    }

    /// What `zarr.json` says of the array at `path`; `None` where it says nothing that makes sense.
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

    /// As it stands in `zarr.json`.
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

/// A group.
pub fn group(attributes: &Map<String, Value>) -> Value {
    json!({"zarr_format": 3, "node_type": "group", "attributes": attributes})
}

/// The root, with the metadata of all `nodes` by their paths.
pub fn root(attributes: &Map<String, Value>, nodes: Map<String, Value>) -> Value {
    json!({
        "zarr_format": 3,
        "node_type": "group",
        "attributes": attributes,
        "consolidated_metadata": {"kind": "inline", "must_understand": false, "metadata": nodes},
    })
}
