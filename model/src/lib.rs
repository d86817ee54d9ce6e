//! What the robot is, and the rigid-body mathematics of it.
