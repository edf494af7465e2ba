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


FREED = """
import ctypes
from pathlib import Path
from service.memory import trim

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
blocks = [libc.malloc(100_000) for _ in range(500)]
[ctypes.memset(block, 1, 100_000) for block in blocks]
[libc.free(block) for block in blocks[:-1]]  # the last one keeps glibc from giving back what is below it
before = resident()
trim()
print(before - resident())
"""


def test_what_is_free_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", FREED], check=True, capture_output=True, text=True)
    assert int(done.stdout) > 40_000_000
