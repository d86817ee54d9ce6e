//! Wires one robot together and keeps time; the binary triune.
#![forbid(unsafe_code)]

pub mod allocations;
pub mod brain_thread;
pub mod buses;
pub mod can_buses;
pub mod check;
pub mod cli;
pub mod cycle;
pub mod deployment;
pub mod doctor;
pub mod drives;
pub mod error;
pub mod govern;
pub mod html;
mod inspect;
pub mod journal;
pub mod link;
pub mod metrics;
pub mod mission;
pub mod mpc_thread;
pub mod network;
pub mod observer;
pub mod progress;
pub mod realtime;
pub mod report;
pub mod robot_body;
pub mod robot_source;
pub mod run;
mod space;
pub mod why;
pub mod wiring;
pub mod words;
pub mod worker;
