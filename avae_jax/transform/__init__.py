"""Transforms of images and volumes: frames, poses, families, resampling. Any dimension."""

from avae_jax.transform.families import Family as Family
from avae_jax.transform.families import family as family
from avae_jax.transform.families import parse_family as parse_family
from avae_jax.transform.families import retract as retract
from avae_jax.transform.frame import Frame as Frame
from avae_jax.transform.frame import frame as frame
from avae_jax.transform.frame import make_frame as make_frame
from avae_jax.transform.matrices import Factors as Factors
from avae_jax.transform.matrices import compose as compose
from avae_jax.transform.matrices import factorise as factorise
from avae_jax.transform.matrices import identity as identity
from avae_jax.transform.matrices import inverse as inverse
from avae_jax.transform.sampling import random_pose as random_pose
from avae_jax.transform.sampling import right_angles as right_angles
from avae_jax.transform.warp import warp as warp
