package segments.services;

import java.util.Arrays;
import java.util.List;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.runners.fnexecution.artifact.ArtifactRetrievalService;
import org.apache.beam.sdk.expansion.service.ExpansionService;
import org.apache.beam.sdk.expansion.service.ExpansionServiceOptions;
import org.apache.beam.sdk.fn.server.ServerFactory;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.PipelineOptionsFactory;

/** Beam's expansion service at one address; Beam's own program listens on all interfaces. */
public final class Expansion {
  private Expansion() {}

  /** Serves until it is stopped. Arguments: {@code HOST:PORT}, and the options that Beam's program takes. */
  public static void main(String[] arguments) throws Exception {
    if (arguments.length == 0) {
      System.err.println("usage: Expansion HOST:PORT [--OPTION=VALUE ...]");
      System.exit(2);
    }
    PipelineOptionsFactory.register(ExpansionServiceOptions.class);
    PipelineOptions options =
        PipelineOptionsFactory.fromArgs(Arrays.copyOfRange(arguments, 1, arguments.length)).create();
    ApiServiceDescriptor place = ApiServiceDescriptor.newBuilder().setUrl(arguments[0]).build();
    ServerFactory.createDefault()
        .create(
            List.of(new ExpansionService(options, arguments[0]), new ArtifactRetrievalService()),
            place)
        .awaitTermination();
  }
}
