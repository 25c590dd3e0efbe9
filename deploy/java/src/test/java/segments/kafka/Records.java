package segments.kafka;

import java.nio.charset.StandardCharsets;
import org.apache.beam.sdk.io.kafka.KafkaRecord;
import org.apache.beam.sdk.io.kafka.KafkaTimestampType;

/** Makes records for the tests. */
final class Records {
  private Records() {}

  static KafkaRecord<byte[], byte[]> record(int partition, long offset, long timestamp, String value) {
    byte[] bytes = value == null ? null : value.getBytes(StandardCharsets.UTF_8);
    return new KafkaRecord<>(
        "events", partition, offset, timestamp, KafkaTimestampType.CREATE_TIME, null, null, bytes);
  }
}
