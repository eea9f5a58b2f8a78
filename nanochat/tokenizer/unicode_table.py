"""Which characters are letters, marks, digits and spaces: one table, the same on every Python.

A tokenizer cuts text by what its characters are, so two programs that disagree about one character give
different tokens. Python's own `unicodedata` differs from version to version (Python 3.11 holds Unicode 14,
Python 3.14 holds Unicode 16), and a model trained on one machine would then read other tokens on another. So
the table lies here: the one of Unicode 16, which tiktoken uses too. A test asks tiktoken about
every character and finds no difference.

Six kinds are enough for all our split patterns:

    U  upper-case and title-case letters     Lu Lt          M  marks that sit on a letter     Mn Mc Me
    L  lower-case letters                    Ll             N  digits and other numbers       Nd Nl No
    O  letters without case, modifiers       Lm Lo          S  white space

and `_` is everything else: punctuation, symbols, emoji, control characters, unassigned code points.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from bisect import bisect_right
from itertools import pairwise

UNICODE_VERSION = "16.0.0"

# Unicode from code point 0 upwards as runs of equal kind: `_9S5` is nine others, then five spaces. A run of
# one has no number. After the last run all is `_`. Written by tests/tokenizer/unicode_runs_from_tiktoken.py.
RUNS = """
_9S5_18S_15N10_7U26_6L26_10S_26S_9O_7N2_L_3NO_N3_U23_U7L24_L8ULULULULULULULULULULULULULULULULULULULULULULU
LULULULULUL2ULULULULULULULUL2ULULULULULULULULULULULULULULULULULULULULULULULU2LULUL3U2LULU2LU3L2U4LU2LU3L3U
2LU2LULULU2LUL2ULU2LU3LULU2L2OUL3O4U2LU2LU2LULULULULULULULUL2ULULULULULULULULUL2U2LULU3LULULULULULULULULUL
ULULULULULULULULULULULULULULULULULULULUL7U2LU2L2ULU4LULULULUL69OL27O18_4O12_14O5_7O_O_17M112ULULO_UL_2OL3_
U_6U_U3_U_U2LU17_U9L35UL2U3L3ULULULULULULULULULULULUL5UL_ULU2L2U51L48ULULULULULULULULULULULULULULULULUL_M7
ULULULULULULULULULULULULULULULULULULULULULULULULULULULU2LULULULULULUL2ULULULULULULULULULULULULULULULULULUL
ULULULULULULULULULULULULULULULULULULULULULULULULULULULULULUL_U38_2O_6L41_8M45_M_M2_M2_M_8O27_4O4_29M11_5O4
3M21N10_4O2MO99_OM7_2M6O2M2_M4O2N10O3_2O_16OMO30M27_2O89M11O_14N10O33M9O2_4O_2M_2O22M4OM9OM3OM5_18O25M3_4O
11_5O24_O6_8M9O42M24_M33O54M3OM18OM7O10M2_2N10_O16M3_O8_2O2_2O22_O7_O_3O4_2MOM7_2M2_2M3O_8M_4O2_O3M2_2N10O
2_2N6_2O_M_2M3_O6_4O2_2O22_O7_O2_O2_O2_2M_M5_4M2_2M3_3M_7O4_O_7N10M2O3M_11M3_O9_O3_O22_O7_O2_O5_2MOM8_M3_M
3_2O_15O2M2_2N10_9OM6_M3_O8_2O2_2O22_O7_O2_O5_2MOM7_2M2_2M3_7M3_4O2_O3M2_2N10_ON6_10MO_O6_3O3_O4_3O2_O_O2_
3O2_3O3_3O12_4M5_3M3_M4_2O_6M_14N13_13M5O8_O3_O23_O16_2MOM7_M3_M4_7M2_O3_2O_2O2M2_2N10_8N7_OM3_O8_O3_O23_O
10_O5_2MOM7_M3_M4_7M2_6O2_O2M2_2N10_O2M_12M4O9_O3_O41M2OM7_M3_M4O_5O3MN7O3M2_2N19_O6_M3_O18_3O24_O9_O_2O7_
3M_4M6_M_M8_6N10_2M2_13O48MO2M7_5O7M8_N10_39O2_O_O5_O24_O_O10MO2M9O_2O5_O_M7_N10_2O4_32O_23M2_6N20_M_M_M_4
M2O8_O36_4M20_M2O5M11_M36_9M_57O43M20ON10_6O6M4O4M3OM3O2M7O3M4O13M12OMN10M4_2U38_U_5U_2L43_OL3O329_O4_2O7_
O_O4_2O41_O4_2O33_O4_2O7_O_O4_2O15_O57_O4_2O67_2M3_9N20_3O16_16U86_2L6_3O620_2O17SO26_5O75_3N3O8_7O18M4_9O
19M3_11O18M2_12O13_O3_M2_12O52M32_3O_4OM_2N10_6N10_17M3_MN10_6O89_7O5M2O34MO_5O70_10O31_M12_4M12_10N10O30_
2O5_11O44_4O26_6N11_37O23M5_4O53M10_M29_2MN10_6N10_13O_8M31_49M5O47M17O8_3N10_17M9_12M3O30M13O2N10O44M14_1
2O36M20_8N10_3O3N10O36_2L9UL_5U43_2U3_16M3_M21O4MO6MO2M3O_5L44O63L13OL34O37M64ULULULULULULULULULULULULULUL
ULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULUL
ULULULULULULULUL9ULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULULU
LULULULUL9U8L6_2U6_2L8U8L8U8L6_2U6_2L8_U_U_U_UL8U8L14_2L8U8L8U8L8U8L5_L2U5_L_3L3_L2U5_3L4_2L2U4_4L8U5_5L3_
L2U5_3S11_29S2_5S_47S_16NO_2N6_5ON10_6O13_51M33_17U_4U_2LU3L2U3L_U_3U5_6U_U_U_U4_LU4LO4L_2L2U2_5UL4_4L_N51
ULN5_726N60_78N22_630N30_1132U48L48ULU3L2ULULULU4LUL2UL6O2U3LULULULULULULULULULULULULULULULULULULULULULULU
LULULULULULULULULULULULULULULULULULULULULULULULULULUL2_6ULULM3UL_9N_2L38_L_5L_2O56_7O_15MO23_9O7_O7_O7_O7_
O7_O7_O7_O7_M32_47O_464S_4O2N_25N9M6_O5_2N3O2_4O86_2M2_2O3_O90_O4_5O43_O94_3N4_10O32_48O16_32N10_30N8_N15_
32N10_39N15_320O6592_64O22157_67O46_2O269_3O16N10O2_20ULULULULULULULULULULULULULULULULULULULULULULULOM4_M1
0_OULULULULULULULULULULULULULULO2M2O70N10M2_37O9_2ULULULULULULUL3ULULULULULULULULULULULULULULULULULULULULU
LULULULULULULULULULULOL8ULULU2LULULULULO_2ULULOULUL3ULULULULULULULULULULU5LU5LULULULULULULULU4LULU2L_2UL_L
_LULULULU_21O3ULO3LO7MO3MO4MO23M5_4M_3N6_10O52_12M2O50M18_10N10_6M18O6_3O_O2MN10O28M8_2O23M13_12O29_3M4O47
M14_14ON10_6O5MO10N10O5_O41M14_9O3MO8M2_2N10_6O23_3OM3O50MOM3O2M2O5M2OMO_24O3_2O11M5_2O3M2_10O6_2O6_2O6_9O
7_O7_L43_O4L9O_6L80O35M8_M2_2N10_6O11172_12O23_4O49_8452O366_2O106_38L7_12L5_5OMO10_O13_O5_O_O2_O2_O108_33
O363_18O64_2O54_40O12_4M16_16M16_64O5_O135_19N10_7U26_6L26_11O89_3O6_2O6_2O6_2O3_35O12_O26_O19_O2_O15_2O14
_34O123_12N45_12N57_17N2_113M_130O29_3O49_15MN27_4O32N4_9O20NO8N_5O38M5_5O30_2O36_4O8_N5_42U40L40O78_2N10_
6U36_4L36_4O40_8O52_12U11_U15_U7_U2_L11_L15_L7_L2_3O52_12O311_9O22_10O8_24O6_O42_O9_69O6_2O_O44_O2_3O_2O23
_2N8O23_2N7O31_8N9_48O19_O2_5N5O22N6_4O26_70O56_4N2O2N16_2N46OM3_M2_5M4O4_O3_O29_2M3_4MN9_23O29N2_O29N3_32
O8_O28M2_4N5_16O54_10O22_2N8O19_5N8O18_23N7_80O73_55U51_13L51_7N6O36M4_8N10_6N10O6U22_3M5_OL22_218N31_O42_
M2_3O2_16O3_55M4O29N10O_8O22M11N4_27O18M4_42O21N7_20O23_9M3O53M15_11N30MO2M2O_9M4O45M11_7M_13O25_7N10_6M3O
36M14_N10_4OM2O_8O35M_2O_9M3O48M14O4_4M4_M2N10O_O_4N20_11O18_O25M12_6MO2M_62O7_O_O4_O15_O10_7O47M12_5N10_6
M4_O8_2O2_2O22_O7_O2_O5_M2OM7_2M2_2M3_2O_6M_5O5M2_2M7_3M5_11O10_O_2O_O38_OM9_M_2M_M4_M5OMO_13M2_29O53M18O4
_5N10_4MO3_30O48M20O2_O_8N10_166O47M7_2M9_23O4M2_34O48M17_3O_11N10_38O43M13O_7N10_6N20_28O27_2M15_4N12_4O7
_185O44M15_101U32L32N19_12O8_2O_2O8_O2_O24M6_M2_2M4OMOM2_12N10_70O8_2O39M7_2M7O_OM_27OM10O40M7OM4_8M_8OM11
O46M16_3O_18O73_199O33_15N10_6O9_O37M8_M8O_15N29_5O30_2M22_M14_73O7_O2_O38M6_3M_M2_M7OM_8N10_6O6_O2_O32M5_
M2_M5O_7N10_310O19M4_9M2OMO13_O34M7_3M5_13N10M_85O_15N21_43O922_102N111_17O196_2636O97_15O1072_16MO6M15_10
O3995_5O583_6841O30M18N10_1734O569_7O31_N10_6O79_N10_6O30_2M5_11O48M7_9O4_12N10_N7_O21_5O19_432O45_3N10_19
8U32L32N23_105O75_4MOM55_7M4O13_64O2_OM_11M2_14O6136_8O1238_41O10_8935O4_O7_O2_O291_15O_29O3_2O_14O4_8O396
_2308O107_5O13_3O9_7O10_3M2_4177N10_518M46_2M23_542M5_3M6_8M8_2M7_30M4_148M3_123N20_12N20_108N25_135U26L26
U26L7_L18U26L26U_U2_2U_2U2_2U4_U8L4_L_L7_L11U26L26U2_U4_2U8_U7_L26U2_U4_U5_U_3U7_L26U26L26U26L26U26L26U26L
26U26L26U26L28_2U25_L25_L6U25_L25_L6U25_L25_L6U25_L25_L6U25_L25_L6UL_2N50_512M55_4M50_8M_14M_22M5_M15_1104
L10OL20_6L6_213M7_M17_2M7_M2_M5_5O62_33M_112O45_3M7O7_2N10_4O_321O30M_17O44M4N10_470O28M4N10_214O30M2ON10_
485O7_O4_O2_O15_O197_2N9M7_41U34L34M7O_4N10_791N59_N3_N4_76N45_N15_194O4_O27_O2_O_2O_O10_O4_O_O_6O_4O_O_O_
O3_O2_O_2O_O_O_O_O_O2_O_2O4_O7_O4_O4_O_O10_O17_5O3_O5_O17_580N13_2787N10_1030O42720_32O4154_6O222_2O5762_1
4O7473_15O622_2466O542_1506O4939_5O4192_712016M240
"""

CATEGORIES = {
    "U": ("Lu", "Lt"),
    "L": ("Ll",),
    "O": ("Lm", "Lo"),
    "M": ("Mn", "Mc", "Me"),
    "N": ("Nd", "Nl", "No"),
}
_KIND_OF_CATEGORY = {category: kind for kind, categories in CATEGORIES.items() for category in categories}


@functools.cache
def runs() -> tuple[tuple[int, str], ...]:
    """The table as (first code point, kind) of every run.

    >>> runs()[:5]  # 0-8 are control characters, 9-13 tab to carriage return, 32 the space
    ((0, '_'), (9, 'S'), (14, '_'), (32, 'S'), (33, '_'))
    """
    starts, position = [], 0
    for kind, count in re.findall(r"([A-Z_])(\d*)", RUNS.replace("\n", "")):
        starts.append((position, kind))
        position += int(count or 1)
    return (*starts, (position, "_"))


@functools.cache
def _starts() -> list[int]:
    return [start for start, _ in runs()]


def kind_of(character: str) -> str:
    """The kind letter of one character.

    >>> [kind_of(character) for character in "Aaª7 é中\u0301!🙂"]
    ['U', 'L', 'O', 'N', 'S', 'L', 'O', 'M', '_', '_']
    """
    return runs()[bisect_right(_starts(), ord(character)) - 1][1]


@functools.cache
def ranges(kinds: str) -> tuple[tuple[int, int], ...]:
    """First and last code point of every stretch of characters whose kind is one of `kinds`.

    >>> ranges("S")[:3]
    ((9, 13), (32, 32), (133, 133))
    """
    found: list[tuple[int, int]] = []
    for (start, kind), (after, _) in pairwise(runs()):
        if kind not in kinds:
            continue
        if found and found[-1][1] == start - 1:  # neighbours of two wanted kinds become one stretch
            start = found.pop()[0]
        found.append((start, after - 1))
    return tuple(found)


@functools.cache
def character_class(kinds: str) -> str:
    r"""What to write between the brackets of a regular expression to mean these kinds.

    >>> character_class("S")[:7]
    '\t-\r \x85\xa0\u1680'
    >>> re.findall(f"[{character_class('UL')}]+", "Aé, 中7")
    ['Aé']
    """
    return "".join(
        chr(first) if first == last else f"{chr(first)}-{chr(last)}" for first, last in ranges(kinds)
    )


def differences() -> dict[str, list[tuple[int, int]]]:
    """Where this Python's own `unicodedata` says something else: kind here → ranges of code points.

    Nothing depends on it, since all patterns use the table above; it shows what the table saves us from.
    Python 3.14 holds the same Unicode 16, so there only the four control characters are left that
    `str.isspace` calls spaces and Unicode does not.

    >>> differences()["_"][0]  # U+001C to U+001F, the separators of old tapes
    (28, 31)
    """
    found: dict[str, list[tuple[int, int]]] = {}
    table = [*runs(), (0x110000, "_")]
    for (start, kind), (after, _) in itertools.pairwise(table):
        for code in range(start, after):
            if _kind_in_this_python(chr(code)) != kind:
                stretches = found.setdefault(kind, [])
                if stretches and stretches[-1][1] == code - 1:
                    stretches[-1] = (stretches[-1][0], code)
                else:
                    stretches.append((code, code))
    return found


def _kind_in_this_python(character: str) -> str:
    return "S" if character.isspace() else _KIND_OF_CATEGORY.get(unicodedata.category(character), "_")
