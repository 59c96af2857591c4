"""How often true poses lie in stated regions: models, images drawn from them, real images."""
