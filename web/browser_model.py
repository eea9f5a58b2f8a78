from pathlib import Path
import shutil

ROOT = Path(__file__).resolve().parent.parent


def folder():
    return ROOT / ".cache" / "model" / "standin"


def download_bytes():
    return 28_000_000


def build(site):
    shutil.copytree(folder(), site / "assets" / "model", dirs_exist_ok=True)
    shutil.copytree("/tmp/shared_model/ortout", site / "assets" / "ort", dirs_exist_ok=True)
