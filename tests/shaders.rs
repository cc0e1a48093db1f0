//! Every shader is valid WGSL, and translates to the languages of Vulkan, Metal and DirectX; no adapter is needed.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use naga::back::pipeline_constants::process_overrides;
use naga::back::{hlsl, msl, spv};
use naga::valid::{Capabilities, ModuleInfo, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator};
use naga::{Expression, Literal, Module, TypeInner};
use warpnuts::data::Dataset;
use warpnuts::density::gpu::{
    ColumnRow, DensityShaders, FactorRow, HyperRow, Prior, Reference, RowChunk, ScaleRow, TermRow,
};
use warpnuts::engine::device::kernels::{self, DeviceOutput};
use warpnuts::engine::device::messages::{Chain, Dispatch, Pooling, TransitionStatistics};
use warpnuts::gpu::{EntryPoint, Target};
use warpnuts::independent::device::{self, AxisRow, CellRow, DrawnRow, IndependentRun, effects};
use warpnuts::model::{Centering, Coordinates, Likelihood, Model, Scaling};

use crate::helpers::formulas;
use crate::helpers::python::python;

fn validator() -> Validator {
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::SUBGROUP | Capabilities::SHADER_INT64);
    validator.subgroup_stages(ShaderStages::COMPUTE).subgroup_operations(SubgroupOperationSet::all());
    validator
}

fn parse(source: &str) -> Module {
    let module =
        naga::front::wgsl::parse_str(source).unwrap_or_else(|error| panic!("{}", error.emit_to_string(source)));
    let info = validator().validate(&module).unwrap_or_else(|error| panic!("{}", error.emit_to_string(source)));
    translate(&module, &info);
    module
}

/// Translates a shader to each language, as drivers get it, with every entry point.
fn translate(module: &Module, info: &ModuleInfo) {
    let constants = module.overrides.iter().map(|(_, it)| (it.name.clone().unwrap(), 1.0)).collect();
    let (module, info) = &process_overrides(module, info, None, &constants).unwrap();
    let vulkan =
        spv::write_vec(module, info, &spv::Options { lang_version: (1, 3), ..Default::default() }, None).unwrap();
    assert!(vulkan.len() > 100);
    let metal = msl::Options { lang_version: (2, 4), ..Default::default() };
    let (_, metal) = msl::write_string(module, info, &metal, &Default::default()).unwrap();
    let options = hlsl::Options { shader_model: hlsl::ShaderModel::V6_0, ..Default::default() };
    let pipeline = Default::default();
    let mut text = String::new();
    let directx = hlsl::Writer::new(&mut text, &options, &pipeline).write(module, info, None).unwrap();
    assert_eq!(metal.entry_point_names.iter().flatten().count(), module.entry_points.len());
    assert_eq!(directx.entry_point_names.iter().flatten().count(), module.entry_points.len());
}

/// The value of an unsigned constant.
fn constant(module: &Module, name: &str) -> u32 {
    let (_, constant) = module.constants.iter().find(|(_, constant)| constant.name.as_deref() == Some(name)).unwrap();
    match module.global_expressions[constant.init] {
        Expression::Literal(Literal::U32(value)) => value,
        ref other => panic!("{name} is {other:?}"),
    }
}

/// A model with `slopes` predictors in `groups` groups: all effects with this centering, or collapsed.
fn model(groups: usize, slopes: usize, centering: Option<Centering>) -> Model {
    let labels: Vec<String> = (0..groups * 8).map(|i| format!("g{}", i % groups)).collect();
    let column = |k: usize| {
        (0..labels.len())
            .map(|i| ((i * i) as f64 + (k + 2) as f64).sin() * (i as f64 * (k + 1) as f64).cos())
            .collect::<Vec<_>>()
    };
    let names: Vec<String> = (0..slopes).map(|k| format!("x{k}")).collect();
    let predictors = (0..slopes).map(|k| column(k + 1)).collect();
    let dataset = Dataset::from_columns("made up", "g", "y", &names, &labels, column(0), predictors).unwrap();
    let coordinates = centering.map_or(Coordinates::Collapsed, |centering| Coordinates::joint(centering, slopes + 1));
    let scaling = Scaling::standardizing(&dataset);
    Model::builder(Arc::new(dataset)).coordinates(coordinates).scaling(scaling).build()
}

/// Targets of kernels: without subgroups, with small subgroups of varying size, and with subgroups that are a team.
fn targets(software: bool) -> [Target; 4] {
    let target = |subgroup, whole, int64, alone| {
        let workgroup = Target::WORKGROUP;
        Target { subgroup, whole, workgroup, int64, software, alone }
    };
    [
        target(None, false, false, false),
        target(Some(8), false, true, false),
        target(Some(32), true, true, false),
        target(Some(32), true, true, true),
    ]
}

#[test]
fn all_shaders_of_any_model_are_valid() {
    for slopes in [0, 1, 2, 7] {
        let joint = [(2, Centering::Centered), (85, Centering::NonCentered), (3000, Centering::Centered)];
        let joint = joint.map(|(groups, centering)| (groups, Some(centering)));
        for (groups, centering) in joint.into_iter().chain([2, 85, 3000].map(|groups| (groups, None))) {
            let over_groups = model(groups, slopes, centering);
            let over_rows = over_groups.over(Likelihood::Observations).ok();
            assert_eq!(over_rows.is_some(), centering.is_some());
            for (model, target) in [Some(over_groups), over_rows]
                .iter()
                .flatten()
                .flat_map(|model| targets(slopes == 1).map(|t| (model, t)))
            {
                let density = DensityShaders::new(model, target);
                let module = parse(&density.evaluate);
                assert_eq!(module.entry_points.len(), 1);
                assert_eq!(constant(&module, "K") as usize, slopes + 1);
                // Exchanges over 1, 2 and 4 lanes, then over 8 in these steps, reach every lane of a team.
                let team = constant(&module, "TEAM");
                assert_eq!(8 << constant(&module, "STEPS_FROM_EIGHT"), team.max(8));
                assert_eq!(density.observations.is_some(), model.likelihood() == Likelihood::Observations);
                density.observations.iter().flatten().for_each(|source| drop(parse(source)));
                let shaders = kernels::TransitionShaders::new(model, 10, DeviceOutput::Draws(model.dim()), target);
                let entries =
                    |source: &str| parse(source).entry_points.into_iter().map(|it| it.name).collect::<Vec<_>>();
                assert_eq!(entries(&shaders.transition), ["transition"]);
                assert_eq!(entries(&shaders.pool), ["pool"]);
                assert_eq!(entries(&shaders.states), ["put", "take"]);
                assert_eq!(entries(&shaders.pack), ["pack"]);
                let sums = kernels::TransitionShaders::new(model, 10, DeviceOutput::Sums, target);
                assert_eq!(entries(&sums.transition), ["transition"]);
                if slopes < 2 {
                    assert_eq!(entries(&device::shader(slopes + 2, target)), ["draw"]);
                    assert_eq!(entries(&effects::shader(slopes + 1, groups, target)), ["draw_effects"]);
                }
                // Every coordinate has one place.
                let mut coordinates: Vec<usize> = shaders.lie.coordinates().into_iter().flatten().collect();
                coordinates.sort_unstable();
                assert!(coordinates.into_iter().eq(0..model.dim()));
            }
        }
    }
}

/// Formulas whose terms have one factor or several, correlated or not, centered or not, and one of sigma.
fn formulas_of_all_kinds() -> Vec<Model> {
    let kinds = [
        ("Reaction ~ Days + (1 + Days | Subject)", "centered"),
        ("Reaction ~ Days + (1 + Days | Subject)", "marginal"),
        ("Reaction ~ 0 + Days + (1 | Subject) + (0 + Days || Subject)", "marginal"),
        ("Reaction ~ 1 + (1 | Subject) + (1 | Days)", "Subject=centered,Days=non-centered"),
        ("Reaction ~ Days + (1 | Subject); sigma ~ Days", "partial"),
    ];
    let model =
        |(formula, typed)| formulas::model(&formulas::read("tests/cases/01-sleepstudy.csv", formula, &[]), typed);
    kinds.map(model).into_iter().collect()
}

#[test]
fn all_shaders_of_formulas_are_valid() {
    let far = |rows| formulas::read_rows("tests/cases/25-insteval.csv", rows, "y ~ 1 + (1 | s) + (1 | d)", &[]);
    let [far, many] = [3000, 40_000].map(|rows| formulas::model(&far(rows), "non-centered"));
    for model in formulas_of_all_kinds().iter().chain([&far, &many]) {
        for target in targets(true) {
            let density = DensityShaders::new(model, target);
            assert_eq!(density.rows.is_some(), model.dataset().n_observations() == 40_000);
            assert!(density.rows.iter().all(|source| parse(source).entry_points.len() == 3));
            assert!(parse(&density.evaluate).entry_points.len() == 1 && density.observations.is_none());
            let shaders = kernels::TransitionShaders::new(model, 10, DeviceOutput::Draws(model.dim()), target);
            for (source, entries) in [(&shaders.transition, 1), (&shaders.pool, 1), (&shaders.states, 2)] {
                assert_eq!(parse(source).entry_points.len(), entries);
            }
            assert!(shaders.pack.is_empty());
            let mut coordinates: Vec<usize> = shaders.lie.coordinates().into_iter().flatten().collect();
            coordinates.sort_unstable();
            assert!(coordinates.into_iter().eq(0..model.dim()));
        }
    }
}

/// Members have the same names and order by `shared_struct!`, which declares both; and so the same offsets, where sizes
/// are equal.
#[test]
fn structures_have_the_size_that_the_host_writes() {
    let model = model(85, 1, Some(Centering::Centered)).over(Likelihood::Observations).unwrap();
    let shaders = DensityShaders::new(&model, targets(false)[0]);
    let [residuals, _] = shaders.observations.unwrap();
    let transitions = kernels::TransitionShaders::new(&model, 10, DeviceOutput::Draws(5), targets(false)[2]);
    let independent = device::shader(3, targets(false)[2]);
    let mixed = DensityShaders::new(&formulas_of_all_kinds()[0], targets(false)[0]);
    let sizes = [
        (&shaders.evaluate, "Reference", size_of::<Reference>()),
        (&shaders.evaluate, "Prior", size_of::<Prior>()),
        (&residuals, "RowChunk", size_of::<RowChunk>()),
        (&mixed.evaluate, "HyperRow", size_of::<HyperRow>()),
        (&mixed.evaluate, "TermRow", size_of::<TermRow>()),
        (&mixed.evaluate, "ScaleRow", size_of::<ScaleRow>()),
        (&mixed.evaluate, "ColumnRow", size_of::<ColumnRow>()),
        (&mixed.evaluate, "FactorRow", size_of::<FactorRow>()),
        (&transitions.transition, "Dispatch", size_of::<Dispatch>()),
        (&transitions.transition, "Chain", size_of::<Chain>()),
        (&transitions.transition, "TransitionStatistics", size_of::<TransitionStatistics>()),
        (&transitions.pool, "Pooling", size_of::<Pooling>()),
        (&independent, "IndependentRun", size_of::<IndependentRun>()),
        (&independent, "AxisRow", size_of::<AxisRow>()),
        (&independent, "CellRow", size_of::<CellRow>()),
        (&independent, "DrawnRow", size_of::<DrawnRow>()),
    ];
    for (source, name, size) in sizes {
        let module = parse(source);
        let (_, structure) = module.types.iter().find(|(_, inner)| inner.name.as_deref() == Some(name)).unwrap();
        let TypeInner::Struct { span, .. } = &structure.inner else { panic!("{name} is {structure:?}") };
        assert_eq!(*span as usize, size, "{name}");
    }
}

/// A kernel: its entry point, its source, and its `override` constants.
type Source = (&'static str, String, &'static [(&'static str, f64)]);

/// All kernels of a model.
fn kernels_of(model: &Model, target: Target) -> Vec<Source> {
    let density = DensityShaders::new(model, target);
    let mut all: Vec<Source> = vec![("evaluate", density.evaluate, &[])];
    if model.mixed().is_some() {
        for entry in ["set_position", "sum_rows", "gather_rows"] {
            all.extend(density.rows.clone().map(|source| (entry, source, &[][..])));
        }
        let shaders = kernels::TransitionShaders::new(model, 10, DeviceOutput::Draws(model.dim()), target);
        all.push(("transition", shaders.transition, &[]));
        return all;
    }
    let [draws, sums] = [DeviceOutput::Draws(model.dim()), DeviceOutput::Sums]
        .map(|output| kernels::TransitionShaders::new(model, 10, output, target));
    let transitions = [("transition", draws.transition), ("transition", sums.transition)];
    let others = [("pool", draws.pool), ("pack", draws.pack), ("put", draws.states.clone()), ("take", draws.states)];
    all.extend(transitions.into_iter().chain(others).map(|(entry, source)| (entry, source, &[][..])));
    if model.layout().coefficients < 3 {
        let (k, groups) = (model.layout().coefficients, model.layout().groups);
        all.push(("draw", device::shader(k + 1, target), &[]));
        all.push(("draw_effects", effects::shader(k, groups, target), &[]));
    }
    if let Some([residuals, reduce]) = density.observations {
        all.push(("residuals", residuals, &[]));
        let constants = &[("FROM", 0.0), ("CHUNKS_BEFORE", 99.0), ("TO", 99.0), ("CHUNKS_AFTER", 9.0)];
        all.push(("reduce", reduce, constants));
    }
    all
}

/// The folder of Khronos' tools themselves: what stands beside the Python starts one to find them.
fn spirv_tools(python: &Path) -> PathBuf {
    let place = "import sysconfig; print(sysconfig.get_path('purelib'), end='')";
    let packages = Command::new(python).args(["-c", place]).output().unwrap();
    assert!(packages.status.success(), "{packages:?}");
    Path::new(std::str::from_utf8(&packages.stdout).unwrap()).join("cmeel.prefix/bin")
}

/// What spirv-val says of a module for this version of Vulkan; nothing where it is valid.
fn spirv_val(tool: &Path, words: &[u32], vulkan: &str) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytemuck::cast_slice(words)).unwrap();
    let said = Command::new(tool).args(["--target-env", vulkan]).arg(file.path()).output().unwrap();
    assert!(said.status.success() != (said.stdout.len() + said.stderr.len() > 0), "{said:?}");
    String::from_utf8([said.stdout, said.stderr].concat()).unwrap()
}

#[test]
fn kernels_are_valid_spirv_and_what_is_not_is_known() {
    let Some(python) = python() else { return };
    let tool = spirv_tools(&python).join("spirv-val");
    // From 1.4 on, modules are as wgpu passes them: its compiler gives arrays and structures an explicit layout where
    // there must be none, in registers and in a workgroup's memory. These entry points have some there.
    let known = ["draw", "draw_effects", "evaluate", "residuals", "transition"];
    let mut refused = BTreeSet::new();
    let models = [(85, 1, Some(Centering::NonCentered)), (85, 3, None), (3000, 1, Some(Centering::Centered))];
    let models = models.map(|(groups, slopes, centering)| model(groups, slopes, centering));
    let over_rows: Vec<Model> = models.iter().filter_map(|model| model.over(Likelihood::Observations).ok()).collect();
    let formulas = formulas_of_all_kinds();
    for (model, target) in
        models.iter().chain(&over_rows).chain(&formulas).flat_map(|it| targets(false).map(|target| (it, target)))
    {
        for (entry, source, constants) in kernels_of(model, target) {
            let point = EntryPoint::of(&source, entry, constants).unwrap();
            let said = spirv_val(&tool, &point.spirv((1, 3), false).unwrap(), "vulkan1.1");
            assert_eq!(said, "", "{entry}, {target:?}");
            let said = spirv_val(&tool, &point.spirv((1, 6), false).unwrap(), "vulkan1.3");
            if !said.is_empty() {
                assert!(said.contains("VUID-StandaloneSpirv-None-10684"), "{entry}, {target:?}: {said}");
                refused.insert(entry);
            }
        }
    }
    assert!(refused.iter().eq(&known), "{refused:?}");
    // An invalid module has messages.
    let (entry, source, _) = kernels_of(&model(2, 0, None), targets(false)[0]).swap_remove(0);
    let mut broken = EntryPoint::of(&source, entry, &[]).unwrap().spirv((1, 3), false).unwrap();
    let end = broken.len();
    broken.truncate(end - 1);
    assert_ne!(spirv_val(&tool, &broken, "vulkan1.1"), "");
}
