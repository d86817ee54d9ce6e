//! The binary `triune`: the command line of the crate [`runtime`].

fn main() -> std::process::ExitCode {
    runtime::cli::main()
}
