"""One served picture size: its description, its readers and the fan-out to them."""
