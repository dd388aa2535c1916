#!/usr/bin/env python3
"""Prints a recipe of docs/shard-recipes.md, as it stands there: scripts/recipe.py slurm"""
import re
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs/shard-recipes.md"

recipes = {}
for block in re.findall(r"^```(?:yaml|bash)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
    if name := re.search(r"^# recipe: ([a-z-]+)", block, re.MULTILINE):
        recipes[name.group(1)] = block
wanted = sys.argv[1] if len(sys.argv) == 2 else ""
if wanted not in recipes:
    sys.exit(f"recipe: docs/shard-recipes.md has no recipe '{wanted}', only {', '.join(recipes)}")
print(recipes[wanted], end="")
