from pathlib import Path
def write_report(run, staged, books, manifest, folder):
    return Path(folder)/"report.html"
