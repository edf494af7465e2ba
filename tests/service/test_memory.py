import subprocess
import sys

PROGRAM = """
import ctypes, sys, threading
from service.memory import return_memory, use_few_arenas

if sys.argv[1] == "few":
    use_few_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
go, places = threading.Barrier(6), []

def take():
    go.wait()
    places.append(libc.malloc(1000) >> 26)  # an arena's heap begins at a multiple of 64 MB
    go.wait()

threads = [threading.Thread(target=take) for _ in range(6)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
return_memory()
print(len(set(places)))
"""


def _heaps(arenas: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM, arenas], check=True, capture_output=True, text=True)
    return int(done.stdout)


def test_threads_share_two_heaps() -> None:
    assert _heaps("few") <= 2
    assert _heaps("as many as glibc likes") > 2
