"""What a run looks like: a page of pictures and numbers, and the numbers as JSON."""

from avae_jax.report.files import write
from avae_jax.report.findings import Curve, Findings, Gallery, Moment

__all__ = ["Curve", "Findings", "Gallery", "Moment", "write"]
