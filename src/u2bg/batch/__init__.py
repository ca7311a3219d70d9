"""Many photos: folders on one machine, and clusters; nothing lost, nothing done twice, every file accounted for."""
