"""What several tools show in the same way."""
