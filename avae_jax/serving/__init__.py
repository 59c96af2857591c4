"""Trained models for users of arrays: `Posed`, pretrained VAEs, exported programs."""
