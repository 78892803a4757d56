"""Hash a folder by imagededup's PHash: python imagededup_peer.py FOLDER.

The package asks for torchvision when it is imported, for its networks, which a hash does not need. Where torchvision is
not installed an empty object stands in its place; the package's own code does all the work.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from unittest.mock import MagicMock

from told import tell, timed

TORCHVISION = ("", ".models", ".models.vision_transformer", ".transforms")


def main() -> None:
    if find_spec("torchvision") is None:
        sys.modules |= {f"torchvision{part}": MagicMock() for part in TORCHVISION}
    from imagededup.methods import PHash

    hashes: dict[str, str] = {}
    method = PHash(verbose=False)
    seconds = timed(lambda: hashes.update(method.encode_images(sys.argv[1], recursive=True)))
    tell(seconds, hashed=len(hashes))


if __name__ == "__main__":
    main()
