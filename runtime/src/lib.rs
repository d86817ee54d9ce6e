//! Wires one robot together and keeps time; the binary triune.
