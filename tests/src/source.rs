//! How the project's source reads: files, functions, and which lines are tests.
//!
//! No parser: comments, strings and character literals are blanked out, and the rest is brackets
//! and words. That is enough for lengths and forbidden words, and needs no dependency.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One Rust file.
#[derive(Clone, Debug)]
pub struct RustFile {
    /// Path from the root of the checkout, with `/`.
    pub path: String,
    /// As written.
    pub text: String,
    /// `text` with comments and literals blanked; the same lines.
    pub code: String,
    /// Per line: belongs to a test module, or the whole file is a test.
    test_lines: Vec<bool>,
}

/// One function with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Line of the word `fn`, from 1.
    pub line: usize,
    /// Lines from the word `fn` to the closing brace, both counted.
    pub length: usize,
}

impl RustFile {
    /// Reads `text`, found at `path`.
    #[must_use]
    pub fn new(path: &str, text: &str) -> Self {
        let code = blank_literals(text);
        let whole = path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches"));
        let mut test_lines = vec![whole; text.lines().count()];
        for (start, end) in test_modules(&code) {
            test_lines[start..=end].fill(true);
        }
        Self { path: path.into(), text: text.into(), code, test_lines }
    }

    /// Lines of `code` that are no tests, with their number from 1.
    pub fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.code.lines().enumerate();
        numbered.filter(|(at, _)| !self.test_lines[*at]).map(|(at, line)| (at + 1, line))
    }

    /// Lines of `code` that are tests or stand in a file of tests, with their number from 1.
    pub fn test_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.code.lines().enumerate();
        numbered.filter(|(at, _)| self.test_lines[*at]).map(|(at, line)| (at + 1, line))
    }

    /// The modules written in this file around line `number` (from 1), outermost first.
    #[must_use]
    pub fn modules_around(&self, number: usize) -> Vec<String> {
        let code = self.code.as_bytes();
        let mut around = Vec::new();
        for at in words(&self.code, "mod") {
            let Some(open) = body_start(code, at) else { continue };
            let lines = line_of(code, at) + 1..=line_of(code, closing(code, open)) + 1;
            if lines.contains(&number) {
                around.push(word_at(self.code[at + 3..].trim_start()).to_owned());
            }
        }
        around
    }

    /// All functions with a body, in order.
    #[must_use]
    pub fn functions(&self) -> Vec<Function> {
        let code = self.code.as_bytes();
        let mut found = Vec::new();
        for at in words(&self.code, "fn") {
            let name = word_at(self.code[at + 2..].trim_start());
            if name.is_empty() {
                continue; // A function pointer type.
            }
            let Some(open) = body_start(code, at) else { continue };
            let line = line_of(code, at);
            let last = line_of(code, closing(code, open));
            found.push(Function { name: name.into(), line: line + 1, length: last - line + 1 });
        }
        found
    }
}

/// Byte positions of `word` in `code`, as a whole word.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        !code[..*at].ends_with(part_of_word) && !code[at + word.len()..].starts_with(part_of_word)
    })
}

/// All files under the checkout whose name ends with one of `endings`, as paths from its root;
/// without hidden folders, build output and runs.
///
/// # Errors
/// When a folder cannot be read.
pub fn files(endings: &[&str]) -> io::Result<Vec<String>> {
    let root = crate::root();
    let mut found = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let skipped = name.starts_with('.') || ["target", "runs"].contains(&name.as_str());
            if path.is_dir() && !skipped {
                open.push(path);
            } else if path.is_file() && endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(from_root(&root, &path));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// All Rust files of the checkout.
///
/// # Errors
/// When a file cannot be read.
pub fn rust_files() -> io::Result<Vec<RustFile>> {
    let root = crate::root();
    let read = |path: String| Ok(RustFile::new(&path, &fs::read_to_string(root.join(&path))?));
    files(&[".rs"])?.into_iter().map(read).collect()
}

fn from_root(root: &Path, path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root).unwrap_or(path).into();
    path.to_string_lossy().replace('\\', "/")
}

/// Lines, from 0, of each item under `#[cfg(test)]` or `#[cfg(all(test, ...))]`.
fn test_modules(code: &str) -> Vec<(usize, usize)> {
    let bytes = code.as_bytes();
    let attributes = ["#[cfg(test)]", "#[cfg(all(test,"];
    let starts = attributes.iter().flat_map(|a| code.match_indices(a)).map(|(at, _)| at);
    let end = |at: usize| {
        let item = closing(bytes, at + 1) + 1;
        body_start(bytes, item).map_or(item, |open| closing(bytes, open))
    };
    starts.map(|at| (line_of(bytes, at), line_of(bytes, end(at)))).collect()
}

/// Position of the brace that opens the body of the item at `from`; `None` when it has no body.
fn body_start(code: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while at < code.len() {
        match code[at] {
            b'{' => return Some(at),
            b';' => return None,
            b'(' | b'[' => at = closing(code, at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Position of the bracket that closes the one at `open`; the end of the file when none does.
fn closing(code: &[u8], open: usize) -> usize {
    let mut depth = 0usize;
    for (at, byte) in code.iter().enumerate().skip(open) {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return at;
        }
    }
    code.len().saturating_sub(1)
}

fn line_of(code: &[u8], at: usize) -> usize {
    code.iter().take(at).filter(|byte| **byte == b'\n').count()
}

fn word_at(code: &str) -> &str {
    let end = code.find(|c: char| !c.is_alphanumeric() && c != '_');
    &code[..end.unwrap_or(code.len())]
}

/// `text` with comments, strings and character literals replaced by spaces.
fn blank_literals(text: &str) -> String {
    let mut blank = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let in_word = blank.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let literal = literal_length(rest, in_word);
        let taken = literal.unwrap_or_else(|| rest.chars().next().map_or(1, char::len_utf8));
        let (now, then) = rest.split_at(taken);
        if literal.is_some() {
            blank.extend(now.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        } else {
            blank.push_str(now);
        }
        rest = then;
    }
    blank
}

/// Length of the comment or literal at the start of `rest`; `None` when there is none.
fn literal_length(rest: &str, in_word: bool) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment_length(rest));
    }
    if !in_word && let Some(length) = raw_string_length(rest) {
        return Some(length);
    }
    if let Some(inside) = rest.strip_prefix('"') {
        return Some(1 + escaped_length(inside, '"'));
    }
    // A quote that is no lifetime: `'x'` or an escape.
    let inside = rest.strip_prefix('\'')?;
    let second = inside.chars().nth(1);
    (inside.starts_with('\\') || second == Some('\'')).then(|| 1 + escaped_length(inside, '\''))
}

/// Length up to and with the first unescaped `quote`.
fn escaped_length(inside: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        if c == quote && !escaped {
            return at + c.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    inside.len()
}

fn raw_string_length(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r"].into_iter().find(|prefix| rest.starts_with(prefix))?;
    let hashes = rest[prefix.len()..].chars().take_while(|c| *c == '#').count();
    let start = prefix.len() + hashes;
    let inside = rest[start..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(inside.find(&end).map_or(rest.len(), |at| start + 1 + at + end.len()))
}

fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r##"//! Head: unwrap() in a comment.
fn one(a: [u8; 2], f: fn(u8) -> u8) -> &'static str {
    let _ = ('"', '{', '\'', "}\" {", r#"fn no() { " }"#);
    /* { /* nested */ fn neither() { */
    "x"
}
trait Two { fn without_body(&self); fn with_body<'a>(&'a self) -> u8 { 2 } }
#[cfg(test)]
mod tests {
    fn inside() { unwrap() }
}
fn after() {}
"##;

    #[test]
    fn functions_and_their_lengths() {
        let file = RustFile::new("a/src/lib.rs", SAMPLE);
        let found: Vec<_> =
            file.functions().into_iter().map(|f| (f.name, f.line, f.length)).collect();
        let expected = [("one", 2, 5), ("with_body", 7, 1), ("inside", 10, 1), ("after", 12, 1)];
        assert_eq!(found, expected.map(|(name, line, length)| (name.to_owned(), line, length)));
    }

    #[test]
    fn test_modules_are_no_product() {
        let file = RustFile::new("a/src/lib.rs", SAMPLE);
        let numbers: Vec<_> = file.product_lines().map(|(number, _)| number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 12]);
        assert!(file.product_lines().all(|(_, line)| !line.contains("unwrap")));
        assert_eq!(RustFile::new("a/tests/b.rs", SAMPLE).product_lines().count(), 0);
    }
}
