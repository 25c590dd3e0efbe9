package segments.kafka;

import java.util.Optional;
import java.util.function.LongSupplier;
import org.apache.beam.sdk.io.kafka.KafkaRecord;
import org.apache.beam.sdk.io.kafka.TimestampPolicy;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.kafka.common.TopicPartition;
import org.joda.time.Instant;

/**
 * A partition's watermark: the highest timestamp among its records so far, never back. The record's timestamp is event
 * time.
 *
 * <p>A partition that is read up to its end and has brought no record for the idle time follows the whole topic
 * instead, so that it does not hold the others. No wall clock moves the watermark: when nothing is produced anywhere,
 * time stands still.
 */
public final class EventTimePolicy extends TimestampPolicy<byte[], byte[]> {
  private final TopicPartition partition;
  private final PackConfig config;
  private final ReadPositions positions;
  private final TopicClock clock;
  private final LongSupplier wallMillis;
  private long watermark;
  private long lastOffset = -1;
  private long lastRecordAt;

  /**
   * @param partition the partition
   * @param previous its watermark in the checkpoint that the reader resumes from
   * @param config idle time, and how far ahead of the wall clock a record may be stamped
   * @param positions the reader's
   * @param clock the topic's
   * @param wallMillis the wall clock, in milliseconds since the epoch
   */
  public EventTimePolicy(
      TopicPartition partition,
      Optional<Instant> previous,
      PackConfig config,
      ReadPositions positions,
      TopicClock clock,
      LongSupplier wallMillis) {
    this.partition = partition;
    this.config = config;
    this.positions = positions;
    this.clock = clock;
    this.wallMillis = wallMillis;
    this.watermark = previous.orElse(BoundedWindow.TIMESTAMP_MIN_VALUE).getMillis();
    this.lastRecordAt = wallMillis.getAsLong();
  }

  @Override
  public Instant getTimestampForRecord(PartitionContext context, KafkaRecord<byte[], byte[]> record) {
    lastOffset = record.getOffset();
    lastRecordAt = wallMillis.getAsLong();
    if (record.getTimestamp() <= lastRecordAt + config.futureMillis()) {
      watermark = Math.max(watermark, record.getTimestamp());
    }
    return Instant.ofEpochMilli(record.getTimestamp());
  }

  @Override
  public Instant getWatermark(PartitionContext context) {
    if (wallMillis.getAsLong() - lastRecordAt >= config.idleMillis()) {
      TopicClock.Reading reading = clock.reading();
      if (reading != null && positions.drained(partition, reading.end(partition), lastOffset)) {
        watermark = Math.max(watermark, reading.timestamp);
      }
    }
    return Instant.ofEpochMilli(watermark);
  }
}
