"""From a picture to its saliency map: which models there are, where they lie, and how they are run."""
