//! Wires one robot together and keeps time; the binary triune.
#![forbid(unsafe_code)]

pub mod check;
pub mod cli;
pub mod doctor;
pub mod journal;
pub mod progress;
pub mod realtime;
pub mod report;
pub mod robot_source;
pub mod why;
pub mod words;
