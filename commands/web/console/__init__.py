"""A terminal on a page: somebody there runs verbs, one at a time, by the same door as everybody else."""
