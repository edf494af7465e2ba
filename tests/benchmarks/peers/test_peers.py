import ast
import re
from pathlib import Path

import pytest

from benchmarks import peers, processes
from benchmarks.peers import HERE, PEERS, ROOT, Peer, PeerUnavailable, install, serving

SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
print(sys.argv, os.environ["BENCH_MODEL"], os.environ["BENTOML_DO_NOT_TRACK"], flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
"""


@pytest.fixture
def peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Peer:
    """One whose requirements file is of this test."""
    monkeypatch.setattr(peers, "ENVIRONMENTS", tmp_path / "environments")
    monkeypatch.setattr(processes, "_STOPS_WITHIN_SECONDS", 1.0)  # where Ctrl-C has no effect it is killed
    monkeypatch.setattr(Peer, "requirements", property(lambda _: tmp_path / "requirements.txt"))
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    return Peer("made-up", "Made up", ("{bin}/python", "-c", SERVER, "{model}", "{port}"))


@pytest.mark.parametrize("peer", PEERS.values(), ids=list(PEERS))
def test_what_a_peer_needs_is_pinned_with_hashes_and_names_no_host(peer: Peer) -> None:
    text = peer.requirements.read_text()
    assert "://" not in text
    assert "--index" not in text
    pinned = re.findall(r"^([\w.-]+)==\S+(?: ; .+)? \\$", text, re.MULTILINE)
    assert {"tensorflow", "pillow", "numpy"} <= set(pinned)
    assert len(pinned) == len(re.findall(r"^[\w.-]+==", text, re.MULTILINE))
    assert text.count("--hash=sha256:") >= len(pinned)
    assert peer.requirements.with_suffix(".in").exists()


@pytest.mark.parametrize("script", ["fastapi_tf.py", "litserve_tf.py", "bentoml_tf.py"])
def test_a_peer_is_a_program_that_runs_the_saved_model_with_tensorflow(script: str) -> None:
    text = (HERE / script).read_text()
    ast.parse(text)
    assert 'signatures["serving_default"]' in text
    assert "Image.Resampling.BILINEAR" in text
    assert "import tensorflow as tf" in text
    for ours in ("dermoscopy", "model_store", "service", "benchmarks"):
        assert f"import {ours}" not in text
        assert f"from {ours}" not in text


def test_all_peers_run_the_same_tensorflow_as_the_training() -> None:
    versions = [
        re.findall(r"^tensorflow==(\S+)", peer.requirements.read_text(), re.MULTILINE) for peer in PEERS.values()
    ]
    trained_with = re.findall(r"^tensorflow==(\S+)", (ROOT / "requirements" / "training.txt").read_text(), re.MULTILINE)
    assert versions == [trained_with] * len(PEERS)


def test_an_environment_is_made_once(peer: Peer) -> None:
    programs = install(peer)
    assert (programs / "python").exists()
    (programs / "here").touch()
    assert install(peer) == programs
    assert (programs / "here").exists()


def test_an_environment_is_made_again_when_its_requirements_change(peer: Peer) -> None:
    (install(peer) / "here").touch()
    peer.requirements.write_text("# nothing else\n")
    assert not (install(peer) / "here").exists()


def test_a_peer_that_cannot_be_installed_says_why(peer: Peer) -> None:
    peer.requirements.write_text("pillow==13.0.0\n")  # without a hash, which pip refuses before it looks for it
    with pytest.raises(PeerUnavailable, match=r"(?i)hash"):
        install(peer)
    with pytest.raises(PeerUnavailable):  # and it is not taken for installed the next time
        install(peer)


def test_a_peer_is_given_the_model_and_a_port(peer: Peer, tmp_path: Path) -> None:
    model = tmp_path / "model"
    with serving(peer, install(peer), model, b"image", tmp_path / "log") as server:
        assert server.key is None
        assert server.ready_seconds > 0
    first = (tmp_path / "log").read_text().splitlines()[0]
    assert str(server.port) in first
    assert first.count(str(model)) == 2
    assert first.endswith("True")
