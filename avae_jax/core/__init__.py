"""Code that every package uses: errors, files, devices, signals; no images, no models."""
