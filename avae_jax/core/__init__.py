"""What every layer uses: errors, files, devices, signals; nothing of images or models."""
