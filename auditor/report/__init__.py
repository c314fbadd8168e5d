"""Renderers: every public module here is one format, `render(report) -> str` and its `SUFFIX`."""
