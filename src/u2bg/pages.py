"""What the pages that the program writes have in common."""

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --pale: #59636e; --paper: #fff; --line: #d0d7de; --box: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --pale: #9da7b3; --paper: #0d1117; --line: #30363d; --box: #161b22; }
}
body { margin: 0 auto; max-width: 75rem; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
"""
"""Colours, light and dark, type and headings; each page adds its own."""
