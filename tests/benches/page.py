"""Where the benches put their tables."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def write(section, text):
    """Replaces what stands in docs/benchmarks.md between the marks of this section."""
    page = ROOT / "docs/benchmarks.md"
    whole = page.read_text()
    mark, end = f"<!-- {section} -->", f"<!-- end of {section} -->"
    before, rest = whole.split(mark, 1)
    page.write_text(f"{before}{mark}\n{text}\n{end}{rest.split(end, 1)[1]}")
