"""What several tests use: samples, small models, processes, pages."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
