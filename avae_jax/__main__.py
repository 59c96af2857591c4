"""`python -m avae_jax MODE ...`: the command `avae`."""

from avae_jax.main import command

if __name__ == "__main__":
    command()
