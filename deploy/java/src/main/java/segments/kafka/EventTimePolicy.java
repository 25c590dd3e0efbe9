package segments.kafka;

import java.util.Optional;
import java.util.function.LongSupplier;
import org.apache.beam.sdk.io.kafka.KafkaRecord;
import org.apache.beam.sdk.io.kafka.TimestampPolicy;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.kafka.common.TopicPartition;
import org.joda.time.Instant;

/**
 * One partition as KafkaIO's reader tells of it: its records come here one by one, and what it has reached is kept in
 * checkpoints. {@link EventTime} puts the partitions of a reader together.
 */
public final class EventTimePolicy extends TimestampPolicy<byte[], byte[]> {
  private static final long BEGINNING = BoundedWindow.TIMESTAMP_MIN_VALUE.getMillis();

  private final TopicPartition partition;
  private final PartitionClock clock;
  private final LongSupplier wallMillis;
  private long followed = PartitionClock.UNKNOWN;
  private long lastOffset = -1;
  private long lastRecordAt;
  private long behindSince = PartitionClock.UNKNOWN;
  private boolean told;

  /**
   * @param partition the partition
   * @param previous what it had reached in the checkpoint that the reader resumes from
   * @param config see {@link PartitionClock}
   * @param wallMillis the wall clock, in milliseconds since the epoch
   */
  EventTimePolicy(TopicPartition partition, Optional<Instant> previous, PackConfig config, LongSupplier wallMillis) {
    this.partition = partition;
    this.wallMillis = wallMillis;
    this.lastRecordAt = wallMillis.getAsLong();
    long known = previous.map(Instant::getMillis).filter(millis -> millis > BEGINNING).orElse(PartitionClock.UNKNOWN);
    this.clock = new PartitionClock(config, known);
  }

  @Override
  public Instant getTimestampForRecord(PartitionContext context, KafkaRecord<byte[], byte[]> record) {
    lastOffset = record.getOffset();
    lastRecordAt = wallMillis.getAsLong();
    clock.add(record.getTimestamp(), lastRecordAt);
    return Instant.ofEpochMilli(record.getTimestamp());
  }

  /** What a checkpoint keeps: what the partition has confirmed, or followed while it brought nothing itself. */
  @Override
  public Instant getWatermark(PartitionContext context) {
    return Instant.ofEpochMilli(Math.max(BEGINNING, Math.max(clock.confirmed(), followed)));
  }

  TopicPartition partition() {
    return partition;
  }

  PartitionClock clock() {
    return clock;
  }

  /** The offset of the last record given out, -1 before the first. */
  long lastOffset() {
    return lastOffset;
  }

  /** When the last record was given out, or the reader was made, ms of the wall clock. */
  long lastRecordAt() {
    return lastRecordAt;
  }

  /** The others had come so far while this partition did not hold them. */
  void follows(long time) {
    followed = Math.max(followed, time);
  }

  /** What the others had come to while this partition did not hold them; UNKNOWN before that. */
  long followed() {
    return followed;
  }

  /** Whether the partition is far behind the rest of the topic, at this moment of the wall clock. */
  void isBehind(boolean behind, long wall) {
    if (!behind) {
      behindSince = PartitionClock.UNKNOWN;
      told = false;
    } else if (behindSince == PartitionClock.UNKNOWN) {
      behindSince = wall;
    }
  }

  /** Whether it has been so for that many milliseconds, without a break. */
  boolean isBehindFor(long millis, long wall) {
    return behindSince != PartitionClock.UNKNOWN && wall - behindSince >= millis;
  }

  /** Whether that is still to be told. */
  boolean tellOnce() {
    boolean untold = !told;
    told = true;
    return untold;
  }
}
