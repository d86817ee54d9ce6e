//! JSON as this tool reads and writes it: each fault with its place and its key, and f32 numbers
//! that come back with the very same bits.
//!
//! Numbers are read straight to the type they are meant for, because by way of f64 a few f32
//! would be rounded twice. JSON has no word for NaN and the infinities: `"NaN"`, `"Infinity"` and
//! `"-Infinity"` are read and written; on the way in the same words without quotes are taken too,
//! as Python writes them.

use std::borrow::Cow;

/// What is wrong with a line: where, under which key, which rule, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Byte of the line.
    pub(super) at: usize,
    /// Dotted key; empty for the line as a whole.
    pub(super) key: String,
    /// The rule that is broken.
    pub(super) rule: String,
    /// What to do about it.
    pub(super) fix: String,
}

impl Fault {
    pub(super) fn new(at: usize, rule: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { at, key: String::new(), rule: rule.into(), fix: fix.into() }
    }

    /// The same fault, seen from the object or array that holds it.
    fn within(mut self, key: &str) -> Self {
        self.key = match self.key.as_str() {
            "" => key.to_owned(),
            inner if inner.starts_with('[') => format!("{key}{inner}"),
            inner => format!("{key}.{inner}"),
        };
        self
    }
}

/// A value, or what is wrong with it.
pub(super) type Read<T> = Result<T, Fault>;

const NUMBER: &str = "a number, or \"NaN\", \"Infinity\" or \"-Infinity\"";

/// Reads one line from its beginning to its end, without building a tree.
#[derive(Debug)]
pub(super) struct Json<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Json<'t> {
    pub(super) const fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The first byte of the next value, and where it stands.
    pub(super) fn peek(&mut self) -> (Option<u8>, usize) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        (self.text.get(self.at).copied(), self.at)
    }

    /// A fault at the next value.
    pub(super) fn expected(&mut self, what: &str) -> Fault {
        let (next, at) = self.peek();
        let found = match next {
            None => "the line ends",
            Some(b'{') => "found an object",
            Some(b'[') => "found an array",
            Some(b'"') => "found a string",
            Some(b't' | b'f') => "found true or false",
            Some(b'n') => "found null",
            Some(b'-' | b'0'..=b'9') => "found a number",
            Some(_) => "found something else",
        };
        Fault::new(
            at,
            format!("here must be {what}, {found}"),
            "docs/govern.md shows the form of a line",
        )
    }

    /// An object; `each` reads the value of a key.
    pub(super) fn object(&mut self, mut each: impl FnMut(&mut Self, &str) -> Read<()>) -> Read<()> {
        self.take(b'{', "an object in braces")?;
        if self.took(b'}') {
            return Ok(());
        }
        loop {
            let key = self.string()?;
            self.take(b':', "a colon after the key")?;
            each(self, &key).map_err(|fault| fault.within(&key))?;
            if self.took(b'}') {
                return Ok(());
            }
            self.take(b',', "a comma or the closing brace")?;
        }
    }

    /// An array; `each` reads one value. Returns how many there were.
    pub(super) fn array(
        &mut self,
        mut each: impl FnMut(&mut Self, usize) -> Read<()>,
    ) -> Read<usize> {
        self.take(b'[', "an array in brackets")?;
        if self.took(b']') {
            return Ok(0);
        }
        let mut count = 0;
        loop {
            each(self, count).map_err(|fault| fault.within(&format!("[{count}]")))?;
            count += 1;
            if self.took(b']') {
                return Ok(count);
            }
            self.take(b',', "a comma or the closing bracket")?;
        }
    }

    /// Nothing but white space is left.
    pub(super) fn end(&mut self) -> Read<()> {
        match self.peek() {
            (None, _) => Ok(()),
            (Some(_), at) => Err(Fault::new(
                at,
                "after the object nothing may follow",
                "write one JSON object a line",
            )),
        }
    }

    /// The next value is `null`; it is then read.
    pub(super) fn null(&mut self) -> bool {
        self.peek();
        self.took_word(b"null")
    }

    pub(super) fn boolean(&mut self) -> Read<bool> {
        self.peek();
        if self.took_word(b"true") {
            Ok(true)
        } else if self.took_word(b"false") {
            Ok(false)
        } else {
            Err(self.expected("true or false"))
        }
    }

    pub(super) fn string(&mut self) -> Read<Cow<'t, str>> {
        let (Some(b'"'), start) = self.peek() else {
            return Err(self.expected("a string in double quotes"));
        };
        let bad = |what: &str| Fault::new(start, what, "write a string as JSON has it");
        let mut end = start + 1;
        let mut escaped = false;
        loop {
            match self.text.get(end) {
                None => return Err(bad("the string has no closing quote")),
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    end += 2;
                }
                Some(0..0x20) => return Err(bad("a control character must be escaped")),
                Some(_) => end += 1,
            }
        }
        let inside = self.text.get(start + 1..end).unwrap_or_default();
        self.at = end + 1;
        if escaped {
            let whole = self.text.get(start..=end).unwrap_or_default();
            let text = serde_json::from_slice(whole);
            return text.map(Cow::Owned).map_err(|_| bad("an escape is not one of JSON's"));
        }
        std::str::from_utf8(inside).map(Cow::Borrowed).map_err(|_| bad("text must be UTF-8"))
    }

    /// A number as an f32, with the bits its decimal stands for; NaN and infinities by name.
    pub(super) fn f32(&mut self) -> Read<f32> {
        let (next, at) = self.peek();
        if next == Some(b'"') {
            let word = self.string()?;
            let rule = format!("here must be {NUMBER}, found {word:?}");
            return named(&word).ok_or_else(|| Fault::new(at, rule, "write one of these words"));
        }
        for word in ["NaN", "Infinity", "-Infinity"] {
            if self.took_word(word.as_bytes()) {
                return named(word).ok_or_else(|| self.expected(NUMBER));
            }
        }
        let value: f32 = self.number(NUMBER)?;
        if value.is_finite() {
            return Ok(value);
        }
        let fix = "write \"Infinity\" or \"-Infinity\" where that is meant";
        Err(Fault::new(at, "the number is too large for 32 bits", fix))
    }

    /// A number as an f64, finite.
    pub(super) fn f64(&mut self) -> Read<f64> {
        let (_, at) = self.peek();
        let value: f64 = self.number("a number")?;
        let small = value.is_finite().then_some(value);
        small.ok_or_else(|| Fault::new(at, "the number is too large", "write a smaller one"))
    }

    /// A whole number that is not negative, below 2^64.
    pub(super) fn u64(&mut self) -> Read<u64> {
        let what = "a whole number, not negative, below 2^64, without a fraction";
        let (_, at) = self.peek();
        self.number(what).map_err(|fault| {
            let rule = format!("here must be {what}");
            if fault.at == at { Fault { rule, ..fault } } else { fault }
        })
    }

    /// The characters of one number, parsed.
    fn number<T: std::str::FromStr>(&mut self, what: &str) -> Read<T> {
        let (_, start) = self.peek();
        let end = number_end(self.text, start).ok_or_else(|| self.expected(what))?;
        let digits = self.text.get(start..end).and_then(|bytes| std::str::from_utf8(bytes).ok());
        let value = digits.and_then(|digits| digits.parse().ok());
        let value = value.ok_or_else(|| self.expected(what))?;
        self.at = end;
        Ok(value)
    }

    fn take(&mut self, byte: u8, what: &str) -> Read<()> {
        if self.took(byte) { Ok(()) } else { Err(self.expected(what)) }
    }

    fn took(&mut self, byte: u8) -> bool {
        let here = self.peek().0 == Some(byte);
        self.at += usize::from(here);
        here
    }

    fn took_word(&mut self, word: &[u8]) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let follows = rest.get(word.len()).is_some_and(u8::is_ascii_alphanumeric);
        let here = rest.starts_with(word) && !follows;
        self.at += if here { word.len() } else { 0 };
        here
    }
}

/// The end of the number that begins at `start`, by the grammar of JSON; `None` without one.
fn number_end(text: &[u8], start: usize) -> Option<usize> {
    let byte = |at: usize| text.get(at).copied().unwrap_or_default();
    let digits = |mut at: usize| {
        while byte(at).is_ascii_digit() {
            at += 1;
        }
        at
    };
    let mut at = start + usize::from(byte(start) == b'-');
    let whole = at;
    at = digits(at);
    if at == whole || (byte(whole) == b'0' && at > whole + 1) {
        return None;
    }
    if byte(at) == b'.' {
        let fraction = at + 1;
        at = digits(fraction);
        if at == fraction {
            return None;
        }
    }
    if matches!(byte(at), b'e' | b'E') {
        let power = at + 1 + usize::from(matches!(byte(at + 1), b'+' | b'-'));
        at = digits(power);
        if at == power {
            return None;
        }
    }
    Some(at)
}

fn named(word: &str) -> Option<f32> {
    match word {
        "NaN" => Some(f32::NAN),
        "Infinity" => Some(f32::INFINITY),
        "-Infinity" => Some(f32::NEG_INFINITY),
        _ => None,
    }
}

/// Writes one object after another into a buffer that is kept.
#[derive(Debug, Default)]
pub(super) struct Out(Vec<u8>);

impl Out {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn open(&mut self) {
        self.0.push(b'{');
    }

    pub(super) fn close(&mut self) {
        self.0.push(b'}');
    }

    /// The key of the next value; of our own, so nothing needs an escape.
    pub(super) fn key(&mut self, key: &str) -> &mut Self {
        if self.0.last() != Some(&b'{') {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
        self
    }

    /// Anything serde_json writes the way it is meant here: text, whole numbers, f64, booleans.
    pub(super) fn value(&mut self, value: &(impl serde::Serialize + ?Sized)) {
        // Writing to memory cannot fail, and none of these types refuses.
        let _ = serde_json::to_writer(&mut self.0, value);
    }

    /// The shortest decimal that is read back to the same bits; NaN and infinities by name.
    pub(super) fn number(&mut self, value: f32) {
        if value.is_finite() {
            self.value(&value);
        } else if value.is_nan() {
            self.value("NaN");
        } else {
            self.value(if value > 0.0 { "Infinity" } else { "-Infinity" });
        }
    }

    pub(super) fn numbers(&mut self, values: impl IntoIterator<Item = f32>) {
        self.list(values, Self::number);
    }

    pub(super) fn list<T>(
        &mut self,
        values: impl IntoIterator<Item = T>,
        mut each: impl FnMut(&mut Self, T),
    ) {
        self.0.push(b'[');
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.0.push(b',');
            }
            each(self, value);
        }
        self.0.push(b']');
    }

    pub(super) fn end_line(&mut self) {
        self.0.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: f32) -> String {
        let mut out = Out::default();
        out.number(value);
        String::from_utf8(out.0).unwrap()
    }

    /// Every 32-bit pattern on a coarse grid, and the awkward ones by name.
    ///
    /// Clauses: E5.
    #[test]
    fn f32_numbers_come_back_with_the_same_bits() {
        let awkward = [0.0, -0.0, f32::MIN_POSITIVE, 1e-45, f32::MAX, f32::MIN, 0.1, 16_777_216.0];
        let grid = (0..=u32::MAX).step_by(4099).map(f32::from_bits);
        for value in awkward.into_iter().chain(grid).filter(|value| value.is_finite()) {
            let text = written(value);
            let read = Json::new(text.as_bytes()).f32().unwrap();
            assert_eq!(read.to_bits(), value.to_bits(), "{text}");
        }
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let text = written(value);
            for text in [text.clone(), text.trim_matches('"').to_owned()] {
                let read = Json::new(text.as_bytes()).f32().unwrap();
                assert!(read.total_cmp(&value).is_eq() || read.is_nan() && value.is_nan());
            }
        }
    }

    /// A decimal just above the middle of two f32 that an f64 cannot tell from the middle.
    ///
    /// Clauses: E5.
    #[test]
    fn f32_numbers_are_rounded_once() {
        let text = "1.00000005960464477539062500001";
        let by_way_of_f64 = text.parse::<f64>().unwrap() as f32;
        let read = Json::new(text.as_bytes()).f32().unwrap();
        assert_eq!((read, by_way_of_f64), (1.000_000_1, 1.0));
    }

    /// What a number, a string or an object may look like: as serde_json has it.
    ///
    /// Clauses: C1.
    #[test]
    fn the_grammar_is_that_of_json() {
        let number = |text: &str| {
            let mut json = Json::new(text.as_bytes());
            json.f64().is_ok() && json.end().is_ok()
        };
        for text in [
            "0", "-0", "1", "-1.5", "1e3", "1E+3", "1.25e-7", "01", "+1", ".5", "1.", "1e", "1e+",
            "-", "--1", "0x1", "1_0", "", "1 ", " 1", "1 2", "Infinity", "nan", "1e999", "00",
        ] {
            assert_eq!(number(text), serde_json::from_str::<f64>(text).is_ok(), "{text:?}");
        }
        for text in [
            "\"\"",
            "\"a\"",
            "\"\\n\\u5173\"",
            "\"\\q\"",
            "\"",
            "\"\\\"",
            "\"a\nb\"",
            "a",
            "\"\\\\\"",
            "\"\\ud83e\\udd16\"",
            "\"\\ud83e\"",
        ] {
            let mut json = Json::new(text.as_bytes());
            let read = json.string().and_then(|word| json.end().map(|()| word.into_owned()));
            assert_eq!(read.ok(), serde_json::from_str::<String>(text).ok(), "{text:?}");
        }
        for text in [
            "{}",
            "{\"a\":1}",
            "{\"a\":1,\"b\":2}",
            "{\"a\":1,}",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{",
            "{\"a\":1",
            "[]",
            "{}{}",
            "{\"a\":1 \"b\":2}",
            "\u{feff}{}",
        ] {
            let mut json = Json::new(text.as_bytes());
            let read = json.object(|json, _| json.f64().map(drop)).and_then(|()| json.end());
            let known = serde_json::from_str::<serde_json::Map<_, serde_json::Value>>(text);
            assert_eq!(read.is_ok(), known.is_ok(), "{text:?}");
        }
    }

    /// Clauses: C1.
    #[test]
    fn a_fault_names_its_place_and_key() {
        let mut json = Json::new(b"{\"a\": {\"b\": [1, 2, true]}}");
        let fault = json
            .object(|json, _| json.object(|json, _| json.array(|j, _| j.f32().map(drop)).map(drop)))
            .unwrap_err();
        assert_eq!((fault.at, fault.key.as_str()), (19, "a.b[2]"));
        assert!(fault.rule.contains("found true or false"), "{fault:?}");
    }
}
