//! A formula with its data: the columns of a model.

/// The name of the column of ones.
pub const INTERCEPT: &str = "Intercept";

/// The largest number of population-level columns.
pub const MOST_POPULATION: usize = 199;

/// The largest number of columns that vary in one term.
pub const MOST_VARYING: usize = 64;

/// What a formula says of the rows of a file, in the units of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct FormulaDesign {
    pub outcome: ModelColumn,
    /// Where the outcome's cells are words: the one that is 0, and the one that is 1.
    pub outcome_levels: Option<[String; 2]>,
    /// The number of trials of each row, in `k | trials(n)`.
    pub trials: Option<ModelColumn>,
    /// The population-level columns, linearly independent; the intercept is the first, if there is one.
    pub population: Vec<ModelColumn>,
    /// The group-level terms, as written; `(x | g1/g2)` is two.
    pub terms: Vec<DesignTerm>,
    /// The columns of log sigma, linearly independent; none without a formula of sigma.
    pub sigma: Vec<ModelColumn>,
}

/// The columns of a formula at rows that have no outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct DesignColumns {
    /// As [`FormulaDesign::trials`].
    pub trials: Option<ModelColumn>,
    /// As [`FormulaDesign::population`].
    pub population: Vec<ModelColumn>,
    /// As [`FormulaDesign::terms`], with any number of levels; the empty one where a label is missing.
    pub terms: Vec<DesignTerm>,
    /// As [`FormulaDesign::sigma`].
    pub sigma: Vec<ModelColumn>,
}

/// The values of an outcome or of a coefficient's predictor, one for each row.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelColumn {
    /// As in `Intercept`, `Days`, `dose[high]`, `Days:dose[high]`, `log(Uppm)`, `poly(x, 2)[1]`.
    pub name: String,
    /// Finite. The intercept's are all 1.
    pub values: Vec<f64>,
}

/// A group-level term: columns whose coefficients vary by the levels of a factor.
#[derive(Debug, Clone, PartialEq)]
pub struct DesignTerm {
    /// `county`, or `batch:cask` where the levels are those of several columns together.
    pub factor: String,
    /// In order of first appearance, two or more; `A_a` is level `A` of the first column with `a` of the second.
    pub levels: Vec<String>,
    /// The level of each row.
    pub level_of: Vec<u32>,
    /// One or more, linearly independent; the intercept is the first, if there is one.
    pub columns: Vec<ModelColumn>,
    /// Whether the coefficients of a level are correlated: several columns, written with `|`.
    pub correlated: bool,
}
