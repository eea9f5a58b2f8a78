"""Figures of the guides, drawn by code: one function a figure, each giving a `<figure>` with an inline SVG.

`svg.py` holds the small drawing helper; `introduction.py` and `pytorch.py` hold the figures of guide 1,
`tokenization.py` those of guide 2, `architecture*.py` those of guide 3.
No figure names a colour: shapes carry classes, and `site_docs/stylesheets/figures.css` colours them for the
light and the dark page.
"""
