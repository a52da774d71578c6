"""Filling a join's hash table: keys are spread over parts of it that fit the cache, which are then filled one by one.

Rows come in chunks. Those of a part lie side by side in each chunk's stretch of the arrays that they are spread to, in
order: ``starts[c, p]`` says where those of chunk ``c`` and part ``p`` begin, ``starts[c, p + 1]`` where they end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Bits, Longs, Number, Rows, Words, missing, read_ahead
from .compile import device, instruction, kernel
from .direct import AHEAD
from .lines import (
    ENTRY_SHIFT,
    FIRST_ENTRY,
    KEY_SHIFT,
    KEYS,
    LINE_WORDS,
    fetch_line,
    is_full,
    key_in,
    line_of,
    place_of,
    room_in,
)

prefetch_write = instruction("prefetch_write")

_LINE = np.uint64(7)
CROWDED, REPEATED = -1, 1
# Lines of a part that does not fit the second-level cache.
_LARGE = 1 << 14


@kernel(
    "void(const u64[], const u8[], i64, const i32[], i64, u64, u64, i64[], i64[], u64[], i32[])",
    "void(const u64[], const u8[], i64, const u64[], i64, u64, u64, i64[], i64[], u64[], u64[])",
    "void(const u64[], const u8[], i64, const u32[], i64, u64, u64, i64[], i64[], u64[], u64[])",
)
def spread_keys(
    words: Words,
    bits: Bits,
    bit_offset: int,
    values: NDArray[Any],
    first: int,
    lines: int,
    shift: int,
    starts: Longs,
    positions: Longs,
    out_words: Words,
    out_values: NDArray[Any],
) -> None:
    """Spread the rows of a chunk, from number ``first`` on, that are valid, over the parts of their lines.

    Their values go with their keys, where none are given their numbers. ``positions`` has an entry of 0 for each part.
    The ends of parts are out of the processor's sight, so the lines that come next there are asked for.
    """
    for i in range(len(words)):
        read_ahead(words, i)
        positions[place_of(words[i], lines) >> shift] += not missing(bits, bit_offset + i)
    running = first
    for part in range(len(positions)):
        count = positions[part]
        starts[part] = running
        positions[part] = running
        running += count
    starts[len(positions)] = running
    for i in range(len(words)):
        if not missing(bits, bit_offset + i):
            part = place_of(words[i], lines) >> shift
            position = np.uint64(positions[part])
            out_words[position] = words[i]
            if len(values) > 0:
                out_values[position] = values[i]
            else:
                out_values[position] = np.int32(first + i)
            positions[part] += 1
            if position & _LINE == 0:
                prefetch_write(out_words, np.int64(position) + 16)
                prefetch_write(out_values, np.int64(position) + 32)


@device
def clear_lines(table: Words, first: Number, last: Number) -> None:
    """Make lines free."""
    for i in range(first * LINE_WORDS, min(last * LINE_WORDS, len(table))):
        table[np.uint64(i)] = np.uint64(0)


@kernel("i64(const u64[], const i32[], const i64[,], i64, i64, u64[], i32[], u64, u64, i64, i64, i64)")
def enter_unique(
    words: Words,
    rows: Rows,
    starts: Longs,
    first_part: int,
    last_part: int,
    table: Words,
    entries: Rows,
    lines: int,
    region: int,
    part_lines: int,
    most: int,
    first: int,
) -> int:
    """Enter the rows of some parts.

    Ends at a key that is there already, unless only ``first`` rows count, and where a region is too crowded; returns
    0, `REPEATED` or `CROWDED`.
    """
    for part in range(first_part, last_part):
        clear_lines(table, part * part_lines, (part + 1) * part_lines)
        for chunk in range(len(starts)):
            stop = starts[chunk, part + 1]
            last = stop - AHEAD if part_lines > _LARGE else 0
            for i in range(starts[chunk, part], stop):
                if i < last:
                    fetch_line(table, lines, words[i + AHEAD])
                word = words[i]
                line = line_of(table, entries, lines, region, most, word)
                entry = (line << ENTRY_SHIFT) + FIRST_ENTRY
                if entries[entry + key_in(table, line, word)] != 0:
                    if first:
                        continue
                    return REPEATED
                if is_full(entries, line):
                    return CROWDED
                room = room_in(entries, line)
                table[(line << KEY_SHIFT) + room] = word
                entries[entry + room] = rows[i] + np.int32(1)
    return 0


@kernel("i64(const u64[], const i64[,], i64, i64, u64[], i32[], u64, u64, i64, i64, i32[], i64[])")
def number_keys(
    words: Words,
    starts: Longs,
    first_part: int,
    last_part: int,
    table: Words,
    entries: Rows,
    lines: int,
    region: int,
    part_lines: int,
    most: int,
    numbers: Rows,
    counts: Longs,
) -> int:
    """Give the keys of each of some parts numbers from 0 on, in the order they are met, and count them.

    Returns 0, or `CROWDED`.
    """
    for part in range(first_part, last_part):
        clear_lines(table, part * part_lines, (part + 1) * part_lines)
        count = np.int32(0)
        for chunk in range(len(starts)):
            stop = starts[chunk, part + 1]
            last = stop - AHEAD if part_lines > _LARGE else 0
            for i in range(starts[chunk, part], stop):
                if i < last:
                    fetch_line(table, lines, words[i + AHEAD])
                word = words[i]
                line = line_of(table, entries, lines, region, most, word)
                key = key_in(table, line, word)
                if key == KEYS:
                    if is_full(entries, line):
                        return CROWDED
                    key = room_in(entries, line)
                    table[(line << KEY_SHIFT) + key] = word
                entry = (line << ENTRY_SHIFT) + FIRST_ENTRY + key
                if entries[entry] == 0:
                    count += np.int32(1)
                    entries[entry] = count
                numbers[i] = entries[entry] - np.int32(1)
        counts[part] = count
    return 0


@kernel(
    "void(const i32[], const i32[], const i64[,], i64, i64, const i64[], const i64[], i32[], i64, i32[], i32[])",
    "void(const i32[], const u64[], const i64[,], i64, i64, const i64[], const i64[], i32[], i64, i32[], u64[])",
)
def list_rows(
    numbers: Rows,
    rows: NDArray[Any],
    starts: Longs,
    first_part: int,
    last_part: int,
    keys: Longs,
    places: Longs,
    entries: Rows,
    part_lines: int,
    offsets: Rows,
    out: NDArray[Any],
) -> None:
    """List the rows of some parts, or the values that they have, by number, in order.

    A part's keys are those from ``keys[part]`` on, its rows go to ``out[places[part]]`` and after.
    """
    for part in range(first_part, last_part):
        base, after = keys[part], keys[part + 1]
        if base > 0:
            for line in range(part * part_lines, min((part + 1) * part_lines, len(entries) >> 4)):
                for entry in range((line << 4) + 10, (line << 4) + 15):
                    if entries[entry] != 0:
                        entries[entry] += np.int32(base)
        for chunk in range(len(starts)):
            for i in range(starts[chunk, part], starts[chunk, part + 1]):
                offsets[base + numbers[i]] += 1
        running = np.int32(places[part])
        for key in range(base, after):
            size = offsets[key]
            offsets[key] = running
            running += size
        for chunk in range(len(starts)):
            for i in range(starts[chunk, part], starts[chunk, part + 1]):
                key = base + numbers[i]
                out[offsets[key]] = rows[i]
                offsets[key] += 1
        for key in range(after - 1, base, -1):
            offsets[key] = offsets[key - 1]
        if after > base:
            offsets[base] = places[part]
