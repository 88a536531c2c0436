"""Training: one loop (loop.py) for every task (tasks/), driven by a recipe (recipe.py), ending in a bundle."""
