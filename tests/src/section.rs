//! Sections of a page of the documentation that a program writes: they stand between
//! `<!-- name -->` and `<!-- end of name -->`.

use std::fs;
use std::io;

/// Puts `text` into the section `name` of `docs/PAGE`.
///
/// # Errors
/// The page cannot be read or written, or has no such section.
pub fn write(page: &str, name: &str, text: &str) -> io::Result<()> {
    let path = crate::root().join("docs").join(page);
    let (from, to) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let whole = fs::read_to_string(&path)?;
    let parts = whole.split_once(&from).zip(whole.split_once(&to));
    let Some(((before, _), (_, after))) = parts else {
        return Err(io::Error::other(format!("{}: no section {name:?}", path.display())));
    };
    fs::write(path, format!("{before}{from}\n{text}\n{to}{after}"))
}
