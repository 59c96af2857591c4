"""Noisy stacks: the product beside the bound by true templates, plain EM and moments."""
