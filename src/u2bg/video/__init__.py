"""Video and animations: one frame after the other through the photo's path, steadied between its two halves."""
