//! Carries samples between threads.
