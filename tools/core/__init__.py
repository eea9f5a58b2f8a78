"""What every tool shares: typed parameters in, a report out, and three renderers for the report.

A tool is written once, as a function from a frozen dataclass of parameters to a `Report`. The command line,
the page's form, `--json` and the page's address all follow from it.

- `parameters`  declares and checks what a tool is asked
- `report`      the tree a tool answers with
- `terminal`, `html`, `json_report`  draw that tree
- `charts`      line and bar charts as SVG
- `tool`        ties a name, parameters and a function together
- `arguments`, `command`  the command line          `page`  the browser
"""
