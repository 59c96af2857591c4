"""Formats of single images: numbers and metadata are kept as they are stored."""

from avae_jax.data.formats.pictures.opening import WANTED as WANTED
from avae_jax.data.formats.pictures.opening import open_picture as open_picture
from avae_jax.data.formats.pictures.opening import read_image as read_image
from avae_jax.data.formats.pictures.picture import Picture as Picture
from avae_jax.data.formats.pictures.picture import require_like as require_like
