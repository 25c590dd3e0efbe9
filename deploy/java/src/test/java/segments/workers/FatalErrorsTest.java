package segments.workers;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertThrows;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionRequest;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.InstructionResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.runners.fnexecution.control.InstructionRequestHandler;
import org.apache.beam.runners.fnexecution.control.MapControlClientPool;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.runtime.throwable.ThrowableClassifier;
import org.apache.flink.runtime.throwable.ThrowableType;
import org.junit.Test;

public class FatalErrorsTest {

  private final CompletableFuture<InstructionResponse> answer = new CompletableFuture<>();

  private CompletableFuture<InstructionResponse> asked() throws Exception {
    MapControlClientPool pool = MapControlClientPool.create();
    pool.getSink().put("worker", new Worker());
    InstructionRequestHandler connection = pool.getSource().take("worker", Duration.ofSeconds(10));
    return connection.handle(InstructionRequest.getDefaultInstance()).toCompletableFuture();
  }

  private Throwable failing(Throwable error) throws Exception {
    CompletableFuture<InstructionResponse> asked = asked();
    answer.completeExceptionally(error);
    return assertThrows(ExecutionException.class, asked::get).getCause();
  }

  @Test
  public void answerIsPassedOn() throws Exception {
    CompletableFuture<InstructionResponse> asked = asked();
    InstructionResponse response = InstructionResponse.newBuilder().setInstructionId("1").build();
    answer.complete(response);
    assertSame(response, asked.get());
  }

  @Test
  public void fatalErrorSuppressesRestarts() throws Exception {
    RuntimeException error =
        new RuntimeException("Error received: Traceback\nShardStateError: tick 5m\n" + FatalErrors.MARK + "\n");
    Throwable failed = failing(error);
    assertEquals(SuppressRestartsException.class, failed.getClass());
    assertSame(error, failed.getCause());
    // As the runner wraps it.
    assertEquals(
        true,
        ThrowableClassifier.findThrowableOfThrowableType(
                new RuntimeException("Failed to finish remote bundle", failed), ThrowableType.NonRecoverableError)
            .isPresent());
  }

  @Test
  public void otherErrorIsPassedOn() throws Exception {
    RuntimeException error = new RuntimeException("ValueError: '" + FatalErrors.MARK + "'");
    assertSame(error, failing(error));
  }

  @Test
  public void errorWithoutMessageIsPassedOn() throws Exception {
    RuntimeException error = new RuntimeException();
    assertSame(error, failing(error));
  }

  @Test
  public void secondConnectionOfOneWorkerIsRefused() throws Exception {
    MapControlClientPool pool = MapControlClientPool.create();
    pool.getSink().put("worker", new Worker());
    assertThrows(IllegalStateException.class, () -> pool.getSink().put("worker", new Worker()));
  }

  private final class Worker implements InstructionRequestHandler {

    @Override
    public void registerProcessBundleDescriptor(ProcessBundleDescriptor descriptor) {}

    @Override
    public CompletionStage<InstructionResponse> handle(InstructionRequest request) {
      return answer;
    }

    @Override
    public void close() {}
  }
}
