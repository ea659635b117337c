"""Any model folder, by its own chat template and processor."""
