"""The parts of the conversation template builder.

`question` is what it can be asked, `plain_text` reads and writes chats as people type them, `templates` holds
templates and fills them, `values` reads the rows to fill them with. `turns`, `read_formats` and
`write_formats` change one format into another, `records` reads files of any size, `check` says what the
trainer takes, `summary` adds up a file's records; the `…_sections` write the report, `export` writes the file
to train on.
"""
