mod helpers;
mod predict;
