"""The programs that are compared, by the names that the command line and the table have for them."""

from dataclasses import dataclass

from tests.bench.flink.submit import HERE, PYFLINK, Submit, naive_beam, pyflink, segments

RULES = HERE.parent / "rules.yaml"

NAIVE = "naive-beam"
DATASTREAM = "datastream"
SQL = "sql-hop"


@dataclass(frozen=True)
class Program:
    """A program to measure."""

    name: str
    what: str
    submit: Submit
    #: Events a record of the topic that it reads.
    batch: int = 1

    @property
    def ours(self) -> bool:
        """Whether it is this project."""
        return self.name.startswith("segments")


PROGRAMS = (
    Program("segments", "this project, --emit early", segments("early", RULES)),
    Program("segments-settled", "this project, --emit settled", segments("settled", RULES)),
    Program("segments-100", "--emit early, 100 events a record", segments("early", RULES), batch=100),
    Program("segments-settled-100", "--emit settled, 100 events a record", segments("settled", RULES), batch=100),
    Program(NAIVE, "Beam, keyed by user", naive_beam),
    Program(DATASTREAM, "PyFlink DataStream, keyed by user", pyflink("datastream.py")),
    Program(SQL, "Flink SQL, HOP 7 d / 1 h", pyflink("sql_hop.py")),
)


def available(names: list[str] | None) -> list[Program]:
    """The programs with these names, or all that can run here: two need the environment of PyFlink."""
    if names is not None:
        return [program for program in PROGRAMS if program.name in names]
    return [program for program in PROGRAMS if PYFLINK.exists() or program.name not in (DATASTREAM, SQL)]
