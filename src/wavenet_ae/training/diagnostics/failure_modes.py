"""All failure modes of training that the doctor knows.

At their thresholds runs that are made to fail are detected within their first tenth, and no healthy
run of any bottleneck is; docs/guide/watch.md has both.
"""

from wavenet_ae.training.diagnostics.latent_failures import LATENT_FAILURES
from wavenet_ae.training.diagnostics.network_failures import NETWORK_FAILURES
from wavenet_ae.training.diagnostics.objective_failures import OBJECTIVE_FAILURES

FAILURE_MODES = (*LATENT_FAILURES, *NETWORK_FAILURES, *OBJECTIVE_FAILURES)
