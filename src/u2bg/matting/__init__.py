"""Pure functions on arrays: from a small saliency map to the alpha of every pixel."""
