package segments.kafka;

import java.util.Map;
import org.apache.beam.sdk.expansion.ExternalTransformRegistrar;
import org.apache.beam.sdk.io.Read;
import org.apache.beam.sdk.io.kafka.PackedKafkaSource;
import org.apache.beam.sdk.transforms.ExternalTransformBuilder;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.values.PBegin;
import org.apache.beam.sdk.values.PCollection;

/**
 * Offers the packing source to other languages. Beam's expansion service finds it by META-INF/services.
 *
 * <p>The transform has no input and yields packs (see {@link Pack}) as bytes in the global window.
 */
public final class KafkaPacks implements ExternalTransformRegistrar {
  /** Name of the transform in pipelines: a part of the contract with callers. */
  public static final String URN = "segments:kafka_packs:v1";

  @Override
  public Map<String, ExternalTransformBuilder<?, ?, ?>> knownBuilderInstances() {
    return Map.of(URN, new Builder());
  }

  /** Makes the transform from its configuration. */
  public static final class Builder implements ExternalTransformBuilder<PackConfig, PBegin, PCollection<byte[]>> {
    @Override
    public PTransform<PBegin, PCollection<byte[]>> buildExternal(PackConfig config) {
      return Read.from(new PackedKafkaSource(config.checked()));
    }
  }
}
