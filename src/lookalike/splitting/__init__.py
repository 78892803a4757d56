"""Pictures into training, validation and test, or into folds: stratified, seeded, copies never on two sides.

Functions on names, labels and group numbers; who is a copy of whom is found elsewhere.
"""

from lookalike.splitting.divide import bound, connected, split
from lookalike.splitting.parts import Part, parse_parts
from lookalike.splitting.repair import Move, Repair, repair
from lookalike.splitting.table import Split, read_split

__all__ = ["Move", "Part", "Repair", "Split", "bound", "connected", "parse_parts", "read_split", "repair", "split"]
