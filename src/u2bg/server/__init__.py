"""The HTTP service: its own endpoint, the contracts of rembg and remove.bg, and the page."""
