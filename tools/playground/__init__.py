"""The parts of the tokenizer playground.

`question` is what it can be asked, `source` reads text of any size, `tokenizers` finds the vocabularies,
`views` says of each token what it is; the `…_sections` write the report.
"""
