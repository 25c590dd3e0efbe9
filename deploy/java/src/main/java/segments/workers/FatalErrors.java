package segments.workers;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.runners.fnexecution.control.InstructionRequestHandler;
import org.apache.flink.runtime.execution.SuppressRestartsException;

/**
 * The connection to a worker, which turns what no retry mends into the one exception after which Flink ends a job instead
 * of trying again: of a worker's error the runner knows a text only.
 */
public final class FatalErrors implements InstructionRequestHandler {

  /** A line of its own in the worker's traceback: {@code segmentation/errors.py} writes it. */
  static final String MARK = "segments: fatal, no retry mends this";

  private final InstructionRequestHandler worker;

  /** Watches what comes from {@code worker}. */
  public FatalErrors(InstructionRequestHandler worker) {
    this.worker = worker;
  }

  @Override
  public void registerProcessBundleDescriptor(ProcessBundleDescriptor descriptor) {
    worker.registerProcessBundleDescriptor(descriptor);
  }

  @Override
  public CompletionStage<InstructionResponse> handle(InstructionRequest request) {
    CompletableFuture<InstructionResponse> result = new CompletableFuture<>();
    worker
        .handle(request)
        .whenComplete(
            (response, error) -> {
              if (error == null) {
                result.complete(response);
              } else {
                result.completeExceptionally(known(error));
              }
            });
    return result;
  }

  @Override
  public void close() throws Exception {
    worker.close();
  }

  private static Throwable known(Throwable error) {
    Throwable cause =
        error instanceof CompletionException && error.getCause() != null ? error.getCause() : error;
    return isFatal(cause.getMessage()) ? new SuppressRestartsException(cause) : cause;
  }

  private static boolean isFatal(String message) {
    return message != null && message.lines().map(String::strip).anyMatch(MARK::equals);
  }
}
