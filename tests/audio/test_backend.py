"""An error about torchaudio says what to install."""

from __future__ import annotations

import subprocess
import sys


def test_a_mismatched_torchaudio_says_what_to_install(tmp_path):
    (tmp_path / "torchaudio.py").write_text(
        "raise OSError('libcudart.so.13: cannot open shared object file')"
    )
    done = subprocess.run(
        [sys.executable, "-c", "import wavenet_ae.audio.features"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    last = done.stderr.strip().splitlines()[-1]
    assert "libcudart.so.13" in last and "constraints.txt" in last
