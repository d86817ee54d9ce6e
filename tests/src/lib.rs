//! The whole system against its promises.
