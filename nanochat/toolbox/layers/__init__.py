"""The layers of the sandbox, a file each, and the launcher that puts them on before it runs the code."""
