"""Guide 6: what the model may call, a calculator and a Python sandbox, and how it calls them."""
