//! The scenarios, by what is at fault.

pub(crate) mod body;
pub(crate) mod brain;
pub(crate) mod cycle;
pub(crate) mod files;
pub(crate) mod joints;
pub(crate) mod operator;
pub(crate) mod surroundings;
