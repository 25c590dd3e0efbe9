"""A launch as the tests of Dataflow make it: nothing in it exists."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "europe-west1-docker.pkg.dev/a-project/segments/segments@sha256:" + "0123456789abcdef" * 4
ACCOUNT = "segments-worker@a-project.iam.gserviceaccount.com"
#: Beam options that a launch has to have.
REQUIRED = (
    "--region=europe-west1",
    "--temp_location=gs://a-bucket/tmp",
    f"--sdk_container_image={IMAGE}",
    f"--service_account_email={ACCOUNT}",
)
SECRETS = {
    "state_key_secret": "projects/a-project/secrets/segments-state-key/versions/1",
    "pseudonym_key_secret": "projects/a-project/secrets/segments-pseudonym-key/versions/1",
}
