"""The search over poses. It knows neither images nor models."""

from avae_jax.pose_search.presets import resolve as resolve
from avae_jax.pose_search.problem import Problem as Problem
from avae_jax.pose_search.search import Effort as Effort
from avae_jax.pose_search.search import SearchResult as SearchResult
from avae_jax.pose_search.search import effort as effort
from avae_jax.pose_search.search import search as search
from avae_jax.pose_search.starts import starts as starts
