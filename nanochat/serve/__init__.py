"""Guide 8: talking to the model: chat in the terminal, the HTTP server, the chat page."""
