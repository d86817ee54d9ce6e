//! Turns observations into plans with a learnt model.
