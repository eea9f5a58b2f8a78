"""Figures of the guides, drawn by code: one function a figure, each returning a `<figure>` with an inline SVG.

`svg.py` holds the small drawing helper; `introduction.py` and `tokenization.py` hold the figures of guides 1 and 2.
No figure names a colour: shapes carry classes, and `site_docs/stylesheets/figures.css` colours them for the
light and the dark page.
"""
