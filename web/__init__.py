"""The site's build: fences, figures, tool pages and the steps around MkDocs. Nothing imports this but the site."""
