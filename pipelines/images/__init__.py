"""Images: where a reference leads (`resolve`, `remote`, `data_uri`), what the file is (`verify`, `files/`), and both together (`references`)."""
