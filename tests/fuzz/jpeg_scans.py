"""JPEG: mutations of tables, scans and coded data.

Any bits are valid Huffman codes most of the time, so noise reaches the decoder proper.
"""

from __future__ import annotations

from random import Random

from tests.fuzz import jpeg as headers
from tests.fuzz.jpeg import DHT, DQT, DRI, SOF0, SOF2, SOS, Jpeg, Segment
from tests.fuzz.values import mangle, mutated, noise, number, rearrange


def coded(random: Random, size: int) -> bytes:
    """Noise with every 0xff stuffed, so that no marker is in it."""
    return noise(random, size).replace(b"\xff", b"\xff\0")


def huffman_table(random: Random, kind: int, slot: int) -> bytes:
    """A table that fulfils Kraft's inequality, with any symbols."""
    free, symbols = 1, random.choice((1, 2, 12, 12, 60, 162, 255))
    counts: list[int] = []
    for length in range(1, 17):
        free *= 2
        most = min(free - 1, symbols - sum(counts))
        take = most if length == 16 else random.choice((0, most // 2, random.randint(0, max(most, 0)), most))
        counts.append(min(take, 255))
        free -= counts[-1]
    values = random.choice((range(16 if kind == 0 else 256), range(256), (0, 0x10, 0x20, 0xE0, 0xF0, 1, 0x11)))
    return bytes([kind << 4 | slot, *counts]) + bytes(random.choices(values, k=sum(counts)))


def huffman(random: Random, jpeg: Jpeg) -> None:
    """Another Huffman table, sound or not, added or in the place of one."""
    table = huffman_table(random, random.randrange(2), random.choice((0, 0, 1, 1, 2, 3)))
    if random.random() < 0.2:
        table = mangle(random, table)
    found = jpeg.all(DHT)
    if found and random.random() < 0.5:
        random.choice(found).payload = table
        return
    scans = [at for at, each in enumerate(jpeg.segments) if each.marker == SOS] or [0]
    jpeg.segments.insert(random.choice(scans), Segment(DHT, table))


def quantization(random: Random, jpeg: Jpeg) -> None:
    """Other divisors, 8 or 16 bits of them, also 0; another slot; several tables in one segment."""
    found = jpeg.all(DQT)
    if not found:
        return
    wide = random.random() < 0.3
    size = 128 if wide else 64
    table = bytes([wide << 4 | random.choice((0, 1, 2, 3, 3, 7))]) + noise(random, size)
    each = random.choice(found)
    each.payload = random.choice((table, each.payload + table, table[:-1], mangle(random, each.payload)))


def restarts(random: Random, jpeg: Jpeg) -> None:
    """Another restart interval, with or without markers to fit it; markers added, taken out or renumbered."""
    scans = jpeg.all(SOS)
    if not scans:
        return
    scan = random.choice(scans)
    if random.random() < 0.4:
        at = random.randrange(len(scan.coded) + 1)
        marker = bytes([0xFF, random.randrange(0xD0, 0xD8)])
        old = bytes([0xFF, random.randrange(0xD0, 0xD8)])
        scan.coded = random.choice(
            (
                scan.coded[:at] + marker + scan.coded[at:],
                scan.coded.replace(old, b"", 1),
                scan.coded.replace(old, marker),
            )
        )
        return
    interval = random.choice((1, 2, 7, 20, number(random, 16)))
    for each in jpeg.all(DRI):
        jpeg.segments.remove(each)
    jpeg.segments.insert(0, Segment(DRI, interval.to_bytes(2, "big")))
    if random.random() < 0.8:
        count = random.randint(1, 70)
        pieces = [coded(random, random.randrange(80)) + bytes([0xFF, 0xD0 + at % 8]) for at in range(count)]
        scan.coded = b"".join([*pieces, coded(random, 60)])


def scan_data(random: Random, jpeg: Jpeg) -> None:
    """Damage in the coded data: flipped, cut, noise instead of it, much more of it."""
    scans = jpeg.all(SOS)
    if not scans:
        return
    scan = random.choice(scans)
    at = random.randrange(len(scan.coded) + 1)
    match random.randrange(5):
        case 0 | 1:
            scan.coded = mangle(random, scan.coded)
        case 2:
            scan.coded = scan.coded[:at] + coded(random, random.choice((0, 60, 3000)))
        case 3:
            scan.coded = coded(random, random.choice((8, 600, 20_000)))
        case 4:
            scan.coded = scan.coded + coded(random, random.choice((1, 30, 5000)))


def scan_header(random: Random, jpeg: Jpeg) -> None:
    """Other components, tables, spectral range or bit positions of one scan."""
    scans = [scan for scan in jpeg.all(SOS) if len(scan.payload) >= 6]
    if not scans:
        return
    scan = random.choice(scans)
    header = bytearray(scan.payload)
    match random.randrange(4):
        case 0:
            header[-3:-1] = random.choice((b"\0\0", b"\x01\x3f", b"\0\x3f", random.randbytes(2)))
        case 1:
            header[-1] = random.choice((0, 0x10, 0x21, 0x01, 0x0D, number(random, 8)))
        case 2:
            header[2] = random.choice((0, 0x11, 0x10, 0x01, 0x22, 0x33, random.randrange(256)))
        case 3:
            header[random.choice((0, 1))] = number(random, 8, near=header[1])
    scan.payload = bytes(header)


def _script(random: Random, identifiers: bytes) -> list[tuple[bytes, int, int, int]]:
    """(components, first, last, bits) of the scans of a progressive file: whole, unless an accident is wanted."""
    low = random.choice((0, 0, 1, 2))
    scans = [(identifiers, 0, 0, low)]
    for bit in range(low, 0, -1):
        scans.append((identifiers, 0, 0, bit << 4 | bit - 1))
    for one in identifiers:
        split, low = random.choice((63, 5, 1, random.randint(1, 62))), random.choice((0, 0, 1))
        for first, last in {(1, split), (min(split + 1, 63), 63)}:
            scans.append((bytes([one]), first, last, low))
            if low:
                scans.append((bytes([one]), first, last, 0x10))
    if random.random() < 0.15:
        del scans[random.randrange(len(scans))]
    if random.random() < 0.15:
        random.shuffle(scans)
    return scans


def new_scans(random: Random, jpeg: Jpeg) -> None:
    """All scans anew, of noise: progressive with a script of its own, or sequential with a scan for each component."""
    frame = jpeg.frame()
    if frame is None:
        return
    identifiers = bytes(dict.fromkeys(frame.payload[6::3]))[:4]
    if random.random() < 0.6:
        frame.marker = SOF2
        script = _script(random, identifiers)
    else:
        frame.marker = SOF0
        groups = random.choice(([identifiers[:1], identifiers[1:]], [bytes([one]) for one in identifiers]))
        script = [(group, 0, 63, 0) for group in groups if group]
    jpeg.segments = [each for each in jpeg.segments if each.marker != SOS]
    if random.random() < 0.7:
        tables = b"".join(huffman_table(random, kind, slot) for kind in (0, 1) for slot in (0, 1))
        jpeg.segments.append(Segment(DHT, tables))
    for group, first, last, bits in script:
        chosen = b"".join(bytes([one, random.choice((0, 0x11))]) for one in group)
        header = bytes([len(group)]) + chosen + bytes([first, last, bits])
        jpeg.segments.append(Segment(SOS, header, coded(random, random.choice((2, 40, 400, 4000)))))


_MUTATIONS = (
    (3, headers.frame_size), (4, headers.frame_components), (2, headers.frame_kind), (4, headers.profile),
    (3, headers.application), (1, headers.lie_of_length), (2, headers.between), (1, headers.any_payload),
    (4, huffman), (3, quantization), (5, restarts), (6, scan_data), (4, scan_header), (7, new_scans),
)  # fmt: skip


def mutate(random: Random, data: bytes, other: bytes) -> bytes:
    """A structure-aware mutation of one sound JPEG, sometimes with segments of another."""
    jpeg = headers.parse(data)
    mutated(random, jpeg, _MUTATIONS)
    if random.random() < 0.15:
        rearrange(random, jpeg.segments, headers.parse(other).segments)
    return headers.join(jpeg)
