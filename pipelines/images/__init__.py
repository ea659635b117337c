"""Images: where a reference leads (`resolve`), what the file is (`verify`, `files/`), and the two together (`look`)."""
