//! The whole system against its promises.
//!
//! The tests of single rooms lie beside their code; here are those that need several rooms or look
//! at the project itself: who may use whom, what must not compile, what the source must look like,
//! and the whole story on virtual time. `tests/run` runs all of it.
//!
//! This library is what those tests share: where the checkout lies ([`root`]), what cargo knows of
//! it ([`metadata`]), how its source reads ([`source`]), which clause is served by what
//! ([`matrix`]), the pages that are made from the code ([`catalogue`]), boards in the emulator
//! ([`qemu`]), hosts in network namespaces ([`netns`]), bad networks between them ([`proxy`]),
//! processes ([`process`]), and a robot and its brain on two hosts ([`pair`]). It must never be
//! used by the product.

pub mod catalogue;
pub mod matrix;
pub mod metadata;
pub mod netns;
pub mod pair;
pub mod process;
pub mod proxy;
pub mod qemu;
pub mod section;
pub mod source;

use std::path::{Path, PathBuf};

/// The folder of the checkout.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The folder of third-party models and reference values: `$TRIUNE_FIXTURES`, by default
/// `../shared/fixtures` beside the checkout. `None`, said on the terminal, where it is absent: the
/// test that asked is to return.
#[must_use]
pub fn fixtures() -> Option<PathBuf> {
    let folder = std::env::var_os("TRIUNE_FIXTURES")
        .map_or_else(|| root().join("../shared/fixtures"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no fixtures at {}; set TRIUNE_FIXTURES", folder.display());
    None
}
