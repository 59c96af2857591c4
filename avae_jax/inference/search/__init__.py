"""The search over poses, independent of images and models."""

from avae_jax.inference.search.cost import Effort as Effort
from avae_jax.inference.search.cost import effort as effort
from avae_jax.inference.search.presets import resolve as resolve
from avae_jax.inference.search.presets import resolve_search as resolve_search
from avae_jax.inference.search.problem import Problem as Problem
from avae_jax.inference.search.search import SearchResult as SearchResult
from avae_jax.inference.search.search import search as search
from avae_jax.inference.search.starts import start_poses as start_poses
from avae_jax.inference.search.starts import starts as starts
