//! How much flash and memory the images of the boards take: builds them, prints a table, and fails
//! when core and codec have grown out of the smallest boards.

use std::fs;
use std::process::ExitCode;

use whole::qemu::{Image, NoBoard};

/// Most that core and codec may take on a Cortex-M0+, without the governor's limiter and the
/// compiler's floating point, bytes.
const FLASH_MAX: u32 = 16 * 1024;
/// Most memory that they may hold, without the stack, bytes.
const RAM_MAX: u32 = 4 * 1024;

/// What a linker placed, bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    /// Code, constants, and the initial values of variables.
    flash: u32,
    /// Variables, without the stack.
    ram: u32,
}

fn main() -> ExitCode {
    match table() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Prints it; false when something is too large.
fn table() -> Result<bool, NoBoard> {
    println!("{:<38} {:>8} {:>8}", "image", "flash", "memory");
    let row = |what: &str, size: Size| {
        println!("{what:<38} {:>8} {:>8}", size.flash, size.ram);
    };
    for (what, image) in [
        ("qemu-mps2, Cortex-M4, 12 joints", Image::MPS2),
        ("qemu-mps2 for the bench", Image::MPS2_BENCH),
        ("qemu-rv32, RISC-V, 12 joints", Image::RV32),
        ("stm32g474, Cortex-M4, 1 joint", Image::STM32G474),
    ] {
        row(what, size(image)?);
    }
    let (whole, limiter) = (size(Image::SIZE_M0)?, size(Image::LIMITER_M0)?);
    row("size-m0, Cortex-M0+, 1 joint", whole);
    row("  of it limiter and floating point", limiter);
    let own = Size { flash: whole.flash.saturating_sub(limiter.flash), ram: whole.ram };
    row("  of it core and codec", own);
    let fits = own.flash <= FLASH_MAX && own.ram <= RAM_MAX;
    if !fits {
        println!(
            "too large: core and codec may take {FLASH_MAX} bytes of flash, {RAM_MAX} of memory"
        );
    }
    Ok(fits)
}

fn size(image: Image) -> Result<Size, NoBoard> {
    let file = fs::read(image.build()?)?;
    sections(&file).ok_or_else(|| NoBoard::Build(format!("{}: no ELF file", image.package)))
}

/// Adds up the sections of a 32-bit little-endian ELF file (System V ABI, chapter 4).
fn sections(file: &[u8]) -> Option<Size> {
    const ALLOCATED: u32 = 2;
    const WRITABLE: u32 = 1;
    const NOT_IN_FILE: u32 = 8;
    let word = |at: usize| Some(u32::from_le_bytes(file.get(at..at + 4)?.try_into().ok()?));
    let half = |at: usize| Some(u16::from_le_bytes(file.get(at..at + 2)?.try_into().ok()?));
    let is_elf = file.starts_with(b"\x7fELF\x01\x01");
    let table = usize::try_from(word(32)?).ok().filter(|_| is_elf)?;
    let (length, count) = (usize::from(half(46)?), usize::from(half(48)?));
    let names = usize::from(half(50)?);
    let names = usize::try_from(word(table + names * length + 16)?).ok()?;
    let mut size = Size::default();
    for section in (0..count).map(|index| table + index * length) {
        let name = file.get(names + usize::try_from(word(section)?).ok()?..)?;
        let (kind, flags, bytes) = (word(section + 4)?, word(section + 8)?, word(section + 20)?);
        // The stack and the heap are what is left, not what is used.
        let is_left_over = [&b".stack\0"[..], b".heap\0"].iter().any(|own| name.starts_with(own));
        if flags & ALLOCATED == 0 || is_left_over {
            continue;
        }
        if kind != NOT_IN_FILE {
            size.flash += bytes;
        }
        if flags & WRITABLE != 0 {
            size.ram += bytes;
        }
    }
    Some(size)
}
