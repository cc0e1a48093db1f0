//! Data of four groups with so little information that the integral over the scales does not settle.

/// Columns g, x, y; the largest possible grid is exact to 2e-5 posterior sds.
pub const LOOSE: &str = "g,x,y\ng0,-0.63,2.04\ng1,-0.53,-7.32\ng1,-2.33,-19.19\ng1,2.46,11.94\ng2,-0.45,0.88\n\
    g2,0.85,-8.16\ng2,-0.33,-0.52\ng3,-0.31,-2.56\ng3,0.21,-6.0\ng3,-0.42,-2.08\n";

/// Options for these columns.
pub const COLUMNS: &str = "--group g --outcome y --predictor x";
