"""The server of the browser tests leaves nothing behind."""

from __future__ import annotations

import psutil

from tests.browser.lab import serve_lab


def test_a_lab_ends_with_its_kernels(tmp_path):
    with serve_lab(tmp_path) as lab:
        kernel = lab.ask("kernels", method="POST")["id"]
        family = [lab.process, *lab.process.children(recursive=True)]
        assert lab.connection_file(kernel).exists()
        assert any(f"kernel-{kernel}.json" in " ".join(each.cmdline()) for each in family)
    assert len(family) >= 2
    assert [process for process in family if process.is_running()] == []
    left = [each.info["cmdline"] for each in psutil.process_iter(["cmdline"])]
    assert [line for line in left if line and str(tmp_path) in " ".join(line)] == []
