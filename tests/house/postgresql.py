"""The relay's schema and statements as PostgreSQL takes them."""
import glob
import os
import subprocess

import measure

KINDS = {"i": "bigint", "n": "bigint", "o": "bigint", "t": "text", "b": "bytea"}
LISTING = """#include <stdio.h>
#include "columns.h"
#define STMT(name, kinds, text) printf("%s%c%s%c%s%c", #name, 0, kinds, 0, text, 0);
int main(void) {
#include "stmt.def"
return 0; }
"""


def schema():
    """sql/schema/*.sql in PostgreSQL's words, as the build has them."""
    steps = sorted(glob.glob(os.path.join(measure.TOP, "sql", "schema", "*.sql")))
    words = os.path.join(measure.TOP, "sql", "engine", "pgsql_schema.sed")
    return "\n".join(subprocess.run(["sed", "-E", "-z", "-f", words, path], capture_output=True, text=True, check=True).stdout for path in steps)


def statements(folder):
    """[(name, kinds, text)] of stmt.def, by the compiler's preprocessor."""
    source, program = os.path.join(folder, "list.c"), os.path.join(folder, "list")
    with open(source, "w", encoding="utf-8") as file:
        file.write(LISTING)
    subprocess.run(["gcc", "-iquote", os.path.join(measure.TOP, "sql"), "-o", program, source], check=True)
    fields = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split("\0")[:-1]
    return list(zip(fields[::3], fields[1::3], fields[2::3]))
