//! Turns state and plan into joint commands.
