package org.apache.beam.runners.fnexecution.control;

import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import segments.workers.FatalErrors;

/**
 * Stands in for Beam's class of this name, in which a worker's connection waits, by the worker's id, for what starts the
 * worker. The connections that it hands out are {@link FatalErrors}, so that a job ends where no retry helps; Beam knows
 * no such error.
 */
public class MapControlClientPool implements ControlClientPool {

  private final Map<String, CompletableFuture<InstructionRequestHandler>> workers = new ConcurrentHashMap<>();

  public static MapControlClientPool create() {
    return new MapControlClientPool();
  }

  private MapControlClientPool() {}

  @Override
  public Source getSource() {
    return (worker, patience) -> {
      InstructionRequestHandler connection = of(worker).get(patience.toMillis(), TimeUnit.MILLISECONDS);
      workers.remove(worker);
      return new FatalErrors(connection);
    };
  }

  @Override
  public Sink getSink() {
    return (worker, connection) -> {
      if (!of(worker).complete(connection)) {
        throw new IllegalStateException("worker " + worker + " is connected already");
      }
    };
  }

  private CompletableFuture<InstructionRequestHandler> of(String worker) {
    return workers.computeIfAbsent(worker, id -> new CompletableFuture<>());
  }
}
