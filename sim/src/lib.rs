//! A body made of physics, with a seed, virtual time and faults on demand.
