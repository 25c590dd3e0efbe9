"""The Flink session cluster and Beam's services in front of it: configuration and command lines."""

import subprocess
from pathlib import Path

from deploy.local.java import LOGGING, MODULE_OPTIONS, java_options
from deploy.local.layout import Settings, scratch_of
from deploy.local.ports import HOST
from deploy.local.problems import StackError

_JOBMANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
_TASKMANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
_MEMORY_TOOL = "org.apache.flink.runtime.util.bash.BashJavaUtils"
_JOB_SERVER = "org.apache.beam.runners.flink.FlinkJobServerDriver"
_EXPANSION = "segments.services.Expansion"


def flink_configuration(folder: Path, settings: Settings) -> dict[str, str]:
    """What goes into Flink's ``config.yaml``. It names no class of ours: jobs that don't bring our jar run as well."""
    values = {
        "jobmanager.rpc.address": HOST,
        "jobmanager.rpc.port": str(settings.ports.rpc),
        "jobmanager.bind-host": HOST,
        "jobmanager.memory.process.size": settings.jobmanager_memory,
        "jobmanager.memory.jvm-overhead.min": "128m",
        "jobmanager.memory.jvm-metaspace.size": "320m",
        "rest.address": HOST,
        "rest.bind-address": HOST,
        "rest.port": str(settings.ports.flink),
        "rest.bind-port": str(settings.ports.flink),
        "taskmanager.host": HOST,
        "taskmanager.bind-host": HOST,
        "taskmanager.numberOfTaskSlots": str(settings.slots),
        "taskmanager.memory.process.size": settings.taskmanager_memory,
        # Every job loads Beam's classes anew, and what a job leaves behind is freed late.
        "taskmanager.memory.jvm-metaspace.size": "1g",
        "taskmanager.memory.jvm-overhead.max": "256m",
        "taskmanager.memory.network.max": "128m",
        # The channels to the Python workers take direct memory.
        "taskmanager.memory.task.off-heap.size": "256m",
        # RocksDB needs room for what is written between two checkpoints, some 60 MB a slot: with a third of that 90,000
        # events a second become 74,000. What it has beyond fills up over hours, with blocks of files long gone.
        "taskmanager.memory.managed.fraction": "0.185",
        "state.backend.rocksdb.memory.write-buffer-ratio": "0.9",
        # Windows and ticks come in order, so files of small state never overlap: levelled compaction moves them down
        # one by one, and keeps all of them with what was deleted long ago.
        "state.backend.rocksdb.compaction.style": "UNIVERSAL",
        "state.backend.type": "rocksdb",
        "state.backend.incremental": "true",
        "state.checkpoints.dir": (folder / "checkpoints").as_uri(),
        "state.savepoints.dir": (folder / "savepoints").as_uri(),
        "state.checkpoints.num-retained": "3",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.buffer-timeout.interval": "5ms",
        "pipeline.auto-watermark-interval": "20ms",
        "metrics.fetcher.update-interval": "1000",
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": "2147483647",
        "restart-strategy.fixed-delay.delay": "1s",
        # A dead process is noticed by two refused heartbeats; the timeout is for one that is stalled, or merely slow.
        "heartbeat.interval": "2000",
        "heartbeat.timeout": "20000",
        # A job whose TaskManager is gone waits for the next one; it does not fail and restart every second meanwhile.
        "resourcemanager.standalone.start-up-time": "2147483647",
        "pekko.ask.timeout": "60s",
        "web.timeout": "60000",
    }
    if settings.metrics:
        values["metrics.reporters"] = "prometheus"
        values["metrics.reporter.prometheus.factory.class"] = (
            "org.apache.flink.metrics.prometheus.PrometheusReporterFactory"
        )
        values["metrics.reporter.prometheus.port"] = settings.metrics
    return values


def write_flink_configuration(folder: Path, settings: Settings) -> None:
    """Writes two ``config.yaml`` into the stack's folder: in ``conf`` the cluster's, in ``conf/jobs`` the one that the
    job server gives to every job."""
    of_cluster = flink_configuration(folder, settings)
    # The class is in the jar that the job server sends with a job.
    of_jobs = {**of_cluster, "state.backend.rocksdb.options-factory": "segments.state.SmallManifests"}
    for conf, values in ((folder / "conf", of_cluster), (_jobs_conf(folder), of_jobs)):
        conf.mkdir(exist_ok=True)
        (conf / "config.yaml").write_text("".join(f"{key}: '{value}'\n" for key, value in values.items()))


def jobmanager_command(folder: Path, settings: Settings, token: str) -> list[str]:
    """The command line of the JobManager."""
    options, properties = _memory(folder, settings, "GET_JM_RESOURCE_PARAMS")
    scratch = scratch_of(folder, "jobmanager")
    own = ["-D", f"io.tmp.dirs={scratch}", "-D", f"web.tmpdir={scratch}"]
    java = _flink_java(folder, settings, token, "jobmanager", options)
    return [*java, _JOBMANAGER, "--configDir", str(folder / "conf"), *own, *properties]


def taskmanager_command(folder: Path, settings: Settings, token: str, name: str) -> list[str]:
    """The command line of a TaskManager; its token is also its resource id."""
    options, properties = _memory(folder, settings, "GET_TM_RESOURCE_PARAMS")
    scratch = scratch_of(folder, name)
    values = {
        "taskmanager.resource-id": token,
        "io.tmp.dirs": str(scratch),
        "state.backend.rocksdb.log.dir": str(scratch),
    }
    own = [word for key, value in values.items() for word in ("-D", f"{key}={value}")]
    # The heap has a fixed size. Touched at once, it does not look like growth in measurements of memory.
    java = _flink_java(folder, settings, token, name, [*options, "-XX:+AlwaysPreTouch"])
    return [*java, _TASKMANAGER, "--configDir", str(folder / "conf"), *own, *properties]


def job_server_command(folder: Path, settings: Settings, token: str) -> list[str]:
    """The command line of Beam's job server."""
    ports = settings.ports
    arguments = {
        "--flink-master": f"{HOST}:{ports.flink}",
        "--flink-conf-dir": str(_jobs_conf(folder)),
        "--job-host": HOST,
        "--job-port": str(ports.job),
        "--artifact-port": str(ports.artifacts),
        "--expansion-port": "-1",
        "--artifacts-dir": str(folder / "artifacts"),
    }
    flat = [word for pair in arguments.items() for word in pair]
    return [*_beam_java(folder, settings, token, "jobserver", "768m"), _JOB_SERVER, *flat]


def expansion_command(folder: Path, settings: Settings, token: str) -> list[str]:
    """The command line of Beam's expansion service.

    What it expands runs in the TaskManager, from the jar that the job server sends with every job. So it names a small
    file as all that has to be staged: by default that would be the jar again, 200 MB through the client.
    """
    arguments = [
        f"{HOST}:{settings.ports.expansion}",
        "--defaultEnvironmentType=EMBEDDED",
        "--experiments=use_deprecated_read",
        f"--filesToStage={LOGGING}",
    ]
    return [*_beam_java(folder, settings, token, "expansion", "512m"), _EXPANSION, *arguments]


def _jobs_conf(folder: Path) -> Path:
    return folder / "conf" / "jobs"


def _flink_java(folder: Path, settings: Settings, token: str, name: str, options: list[str]) -> list[str]:
    return [
        settings.java,
        *options,
        *java_options(folder, token, name),
        *MODULE_OPTIONS,
        f"-Dlog4j.configurationFile={LOGGING.as_uri()}",
        "-cp",
        f"{settings.flink_home}/lib/*",
    ]


def _beam_java(folder: Path, settings: Settings, token: str, name: str, heap: str) -> list[str]:
    return [
        settings.java,
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",
        *java_options(folder, token, name),
        *MODULE_OPTIONS,
        "-cp",
        settings.beam_jar,
    ]


def _memory(folder: Path, settings: Settings, question: str) -> tuple[list[str], list[str]]:
    """The options for the JVM and for the process that Flink derives from the sizes in its configuration."""
    home = Path(settings.flink_home)
    path = f"{home}/bin/bash-java-utils.jar:{home}/lib/*"
    command = [settings.java, "-cp", path, _MEMORY_TOOL, question, "--configDir", str(folder / "conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    marker = "BASH_JAVA_UTILS_EXEC_RESULT:"
    answers = [line.removeprefix(marker).split() for line in done.stdout.splitlines() if line.startswith(marker)]
    if len(answers) != 2:
        said = (done.stdout + done.stderr).strip().splitlines()
        reason = next((line for line in said if "IllegalConfigurationException" in line), said[-1] if said else "")
        raise StackError(f"Flink refuses the memory sizes: {reason.strip()}")
    return answers[0], answers[1]
