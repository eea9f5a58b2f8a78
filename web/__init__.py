"""The site's build: fences, figures, tool pages and the steps around MkDocs. Nothing else imports it."""
