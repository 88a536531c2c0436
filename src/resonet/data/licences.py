"""Which licences a source names in its LICENSE or README, so that a bundle's card can repeat them.

A mention is no proof: `found_in` says where it was read, and a source that names none says NOASSERTION (SPDX).
"""

from __future__ import annotations

import re
from pathlib import Path

from resonet.data.utterance import split_named

_PATTERNS = (
    ("CC0-1.0", r"\bCC[- ]?0\b|Creative Commons (Zero|0\b)|publicdomain/zero", "publicdomain/zero/1.0/"),
    ("CC-BY-SA-4.0", r"\bCC[- ]BY[- ]SA[- ]4\.0|licenses/by-sa/4\.0", "licenses/by-sa/4.0/"),
    ("CC-BY-NC-4.0", r"\bCC[- ]BY[- ]NC[- ]4\.0|licenses/by-nc/4\.0", "licenses/by-nc/4.0/"),
    ("CC-BY-4.0", r"\bCC[- ]BY[- ]4\.0|licenses/by/4\.0|Attribution 4\.0 International", "licenses/by/4.0/"),
    ("Apache-2.0", r"Apache License,? (Version )?2\.0|\bApache-2\.0", "https://www.apache.org/licenses/LICENSE-2.0"),
    ("LicenseRef-public-domain", r"\bpublic domain\b", ""),
    ("MIT", r"\bMIT License\b", "https://opensource.org/license/mit"),
)


def find(source: Path) -> list[dict[str, str]]:
    """The licences that the source's own files name: `{"spdx", "url", "found_in"}` each; one NOASSERTION if none."""
    folder = source.resolve()
    if folder.is_file():
        folder = folder.parent
    folders = [folder, folder.parent] if split_named(folder.name) else [folder]
    for place in folders:
        for pattern in ("LICEN[CS]E*", "README*"):
            for file in sorted(place.glob(pattern)):
                if file.is_file() and (named := _named(file)):
                    return named
    return [{"spdx": "NOASSERTION", "url": "", "found_in": ""}]


def _named(file: Path) -> list[dict[str, str]]:
    with file.open("rb") as stream:
        text = stream.read(1 << 18).decode("utf-8", "replace")
    found: list[dict[str, str]] = []
    for spdx, pattern, url in _PATTERNS:
        # CC0 calls itself a public domain dedication.
        if re.search(pattern, text, re.IGNORECASE) and not (found and not url):
            address = url if url.startswith("https") or not url else f"https://creativecommons.org/{url}"
            found.append({"spdx": spdx, "url": address, "found_in": file.name})
    return found
