"""How modules hang together."""

import subprocess
import sys
from graphlib import TopologicalSorter

import grimp

ROOMS = ("pipeline", "transforms", "segmentation", "schemas", "onboarding", "deploy")
#: They take long to import, and a command line is checked without them.
_HEAVY = ("apache_beam", "confluent_kafka", "fastavro", "google.pubsub_v1", "grpc", "numpy", "polars", "sqlalchemy")


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph(*ROOMS, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()


def test_addresses_are_read_without_the_clients_of_their_systems() -> None:
    code = (
        "import sys; import pipeline.options.run_options; "
        "from pipeline.io.places import parse_place; from pipeline.stores.stores import parse_store; "
        "[parse_place('--events', text) for text in "
        "('kafka://h:1/t', 'pubsub://project/subscriptions/name', 'events.avro')]; "
        "parse_store('--profiles', 'sqlite:///p.db').check_writable(); "
        f"print(*[name for name in {_HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
