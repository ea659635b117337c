"""What GUI data sets call things, and where their records have them: tables, and nothing that runs."""
