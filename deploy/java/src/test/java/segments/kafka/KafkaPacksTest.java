package segments.kafka;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.function.Consumer;
import java.util.stream.StreamSupport;
import org.apache.beam.model.pipeline.v1.ExternalTransforms.ExternalConfigurationPayload;
import org.apache.beam.sdk.coders.RowCoder;
import org.apache.beam.sdk.expansion.ExternalTransformRegistrar;
import org.apache.beam.sdk.expansion.service.ExpansionService;
import org.apache.beam.sdk.schemas.Schema;
import org.apache.beam.sdk.schemas.Schema.FieldType;
import org.apache.beam.sdk.schemas.SchemaTranslation;
import org.apache.beam.sdk.values.Row;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.ByteString;
import org.junit.Test;

public class KafkaPacksTest {
  @Test
  public void theExpansionServiceFindsTheTransform() {
    assertTrue(
        StreamSupport.stream(ServiceLoader.load(ExternalTransformRegistrar.class).spliterator(), false)
            .anyMatch(registrar -> registrar.knownBuilderInstances().containsKey("segments:kafka_packs:v1")));
  }

  @Test
  public void everyFieldOfThePayloadArrives() throws IOException {
    Schema schema =
        Schema.builder()
            .addStringField("bootstrap_servers")
            .addStringField("topic")
            .addMapField("consumer_config", FieldType.STRING, FieldType.STRING)
            .addInt64Field("idle_millis")
            .addInt64Field("ahead_millis")
            .addInt64Field("lag_millis")
            .addInt64Field("max_records")
            .addInt64Field("max_bytes")
            .addInt64Field("pack_millis")
            .addBooleanField("commit_offsets")
            .build();
    Map<String, String> consumer = Map.of("group.id", "g", "auto.offset.reset", "latest");
    PackConfig config = decode(schema, "localhost:9092", "events", consumer, 1L, 2L, 6L, 3L, 4L, 5L, true).checked();
    assertEquals("localhost:9092", config.bootstrapServers());
    assertEquals("events", config.topic());
    assertEquals(consumer, config.consumerConfig());
    assertEquals(1, config.idleMillis());
    assertEquals(2, config.aheadMillis());
    assertEquals(6, config.lagMillis());
    assertEquals(3, config.maxRecords());
    assertEquals(4, config.maxBytes());
    assertEquals(5, config.packMillis());
    assertTrue(config.commitOffsets());
    assertTrue(config.startsAtEnd());
  }

  @Test
  public void fieldsThatAreLeftOutKeepTheirDefaults() throws IOException {
    Schema schema = Schema.builder().addStringField("bootstrapServers").addStringField("topic").build();
    PackConfig config = decode(schema, "localhost:9092", "events").checked();
    assertEquals(5_000, config.idleMillis());
    assertEquals(10_000, config.aheadMillis());
    assertEquals(600_000, config.lagMillis());
    assertEquals(1_000, config.maxRecords());
    assertEquals(256 * 1024, config.maxBytes());
    assertEquals(5, config.packMillis());
    assertFalse(config.commitOffsets());
    assertFalse(config.startsAtEnd());
  }

  @Test
  public void errorsNameTheField() {
    refused("bootstrapServers", config -> config.setBootstrapServers(" "));
    refused("topic", config -> config.setTopic(""));
    refused("idleMillis", config -> config.setIdleMillis(-1L));
    refused("aheadMillis", config -> config.setAheadMillis(-1L));
    refused("lagMillis", config -> config.setLagMillis(-1L));
    refused("maxRecords", config -> config.setMaxRecords(0L));
    refused("maxBytes", config -> config.setMaxBytes(0L));
    refused("packMillis", config -> config.setPackMillis(-1L));
    refused(
        "consumerConfig[auto.offset.reset]", config -> config.setConsumerConfig(Map.of("auto.offset.reset", "none")));
    refused("commitOffsets", config -> config.setCommitOffsets(true));
  }

  @Test
  public void theAdminClientTakesTheConnectionsSettingsOnly() {
    Map<String, Object> settings =
        Map.of(
            "bootstrap.servers", "localhost:9092",
            "security.protocol", "SASL_SSL",
            "config.providers", "env",
            "config.providers.env.class", "org.example.Provider",
            "group.id", "g",
            "isolation.level", "read_committed");
    assertEquals(
        Map.of(
            "bootstrap.servers", "localhost:9092",
            "security.protocol", "SASL_SSL",
            "config.providers", "env",
            "config.providers.env.class", "org.example.Provider"),
        AdminTopicOffsets.adminConfig(settings));
  }

  private static void refused(String field, Consumer<PackConfig> change) {
    PackConfig config = new PackConfig();
    config.setBootstrapServers("localhost:9092");
    config.setTopic("events");
    config.checked();
    change.accept(config);
    String message = assertThrows(IllegalArgumentException.class, config::checked).getMessage();
    assertTrue(message, message.startsWith(field + ": expected "));
  }

  private static PackConfig decode(Schema schema, Object... values) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    RowCoder.of(schema).encode(Row.withSchema(schema).addValues(values).build(), bytes);
    ExternalConfigurationPayload payload =
        ExternalConfigurationPayload.newBuilder()
            .setSchema(SchemaTranslation.schemaToProto(schema, true))
            .setPayload(ByteString.copyFrom(bytes.toByteArray()))
            .build();
    return ExpansionService.payloadToConfig(payload, PackConfig.class);
  }
}
