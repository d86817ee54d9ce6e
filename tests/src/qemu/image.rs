//! The images of the boards: built when they are needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use super::NoBoard;

/// An image, and the machine it runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its folder in `firmware/boards`, and its package.
    pub package: &'static str,
    /// Target triple.
    pub target: &'static str,
    /// Cargo feature it is built with, if any.
    pub feature: Option<&'static str>,
    /// The emulator's program.
    pub emulator: &'static str,
    /// Arguments for the emulator that name the machine.
    pub machine: &'static [&'static str],
    /// The machine has an Ethernet controller.
    pub has_ethernet: bool,
}

impl Image {
    /// Cortex-M4 with Ethernet and a serial line, as it would run on a robot.
    pub const MPS2: Self = Self {
        package: "qemu-mps2",
        target: "thumbv7em-none-eabihf",
        feature: None,
        emulator: "qemu-system-arm",
        machine: &["-M", "mps2-an386"],
        has_ethernet: true,
    };
    /// The same on the bench.
    pub const MPS2_BENCH: Self = Self { feature: Some("bench"), ..Self::MPS2 };
    /// RISC-V with a serial line.
    pub const RV32: Self = Self {
        package: "qemu-rv32",
        target: "riscv32imac-unknown-none-elf",
        feature: None,
        emulator: "qemu-system-riscv32",
        machine: &["-M", "virt", "-m", "32M", "-bios", "none"],
        has_ethernet: false,
    };
    /// Core and codec alone on the smallest processor; nothing runs it.
    pub const SIZE_M0: Self = Self {
        package: "size-m0",
        target: "thumbv6m-none-eabi",
        feature: None,
        emulator: "",
        machine: &[],
        has_ethernet: false,
    };
    /// Without core and codec: only the limiter that they use.
    pub const LIMITER_M0: Self = Self { feature: Some("limiter-only"), ..Self::SIZE_M0 };
    /// A microcontroller that motors are driven with; the emulator does not have it.
    pub const STM32G474: Self =
        Self { package: "stm32g474", target: "thumbv7em-none-eabihf", ..Self::SIZE_M0 };

    /// Builds it, once in the life of this process, and says where it lies.
    ///
    /// # Errors
    /// This machine lacks the target and the source of core, or the image does not build.
    pub fn build(self) -> Result<PathBuf, NoBoard> {
        static BUILT: Mutex<BTreeMap<(&str, Option<&str>), PathBuf>> = Mutex::new(BTreeMap::new());
        let mut built = BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(path) = built.get(&(self.package, self.feature)) {
            return Ok(path.clone());
        }
        let path = self.compile()?;
        built.insert((self.package, self.feature), path.clone());
        Ok(path)
    }

    fn compile(self) -> Result<PathBuf, NoBoard> {
        let folder = crate::root().join("firmware/boards").join(self.package);
        let feature = self.feature.map(|feature| format!("firmware-{feature}"));
        let target = target_folder().join(feature.as_deref().unwrap_or("firmware"));
        let mut cargo = Command::new("cargo");
        // What cargo tells this process about the host must not reach the other target.
        cargo.env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("RUSTFLAGS");
        cargo.current_dir(&folder).args(["build", "--release", "--target-dir"]).arg(&target);
        if let Some(feature) = self.feature {
            cargo.args(["--features", feature]);
        }
        let library = sysroot()?.join("lib/rustlib");
        if !library.join(self.target).join("lib").exists() {
            if !library.join("src/rust/library/core").exists() {
                let either = format!("rustup target add {}", self.target);
                return Err(NoBoard::Missing(format!(
                    "{either}, or rustup component add rust-src"
                )));
            }
            // The flag belongs to nightly; the variable lets this compiler take it.
            cargo.env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=core,alloc");
        }
        let output = cargo.output()?;
        if !output.status.success() {
            return Err(NoBoard::Build(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        Ok(target.join(self.target).join("release").join(self.package))
    }
}

/// The path of a program.
///
/// # Errors
/// It is not installed.
pub fn program(name: &str) -> Result<PathBuf, NoBoard> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(name));
    found.into_iter().find(|path| path.is_file()).ok_or_else(|| NoBoard::Missing(name.to_owned()))
}

fn target_folder() -> PathBuf {
    let set = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    set.map_or_else(|| crate::root().join("target"), |set| crate::root().join(set))
}

/// Where the compiler keeps its libraries.
fn sysroot() -> Result<PathBuf, NoBoard> {
    let output = Command::new("rustc")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["--print", "sysroot"])
        .output()?;
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}
