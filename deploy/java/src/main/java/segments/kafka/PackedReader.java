package segments.kafka;

import java.io.IOException;
import java.util.NoSuchElementException;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.apache.beam.sdk.io.UnboundedSource;
import org.apache.beam.sdk.io.UnboundedSource.CheckpointMark;
import org.apache.beam.sdk.io.UnboundedSource.UnboundedReader;
import org.apache.beam.sdk.io.kafka.KafkaRecord;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.joda.time.Instant;

/**
 * Reads packs: each step takes what the wrapped reader has at hand, until the pack is full or old enough, or nothing
 * is waiting.
 *
 * <p>Nothing is read ahead of the pack, so between two steps the wrapped reader's checkpoint mark covers exactly the
 * records that were given out; watermark and backlog are its own too. Not thread-safe, as the runner calls it under a
 * lock.
 */
public final class PackedReader extends UnboundedReader<byte[]> {
  /** How long to wait for the first record of a pack; each look of the wrapped reader takes 1 to 20 ms by itself. */
  private static final long PATIENCE_MILLIS = 20;

  private final UnboundedSource<byte[], ?> source;
  private final UnboundedReader<KafkaRecord<byte[], byte[]>> records;
  private final PackConfig config;
  private final LongSupplier nanoTime;
  private final AutoCloseable clock;
  private byte[] current;
  private Instant timestamp;

  /**
   * @param source what this reader reads, as the runner keeps it in its checkpoints
   * @param records the wrapped reader
   * @param config the packs' limits
   * @param nanoTime nanoseconds of a clock that only runs forward
   * @param clock closed with the reader
   */
  public PackedReader(
      UnboundedSource<byte[], ?> source,
      UnboundedReader<KafkaRecord<byte[], byte[]>> records,
      PackConfig config,
      LongSupplier nanoTime,
      AutoCloseable clock) {
    this.source = source;
    this.records = records;
    this.config = config;
    this.nanoTime = nanoTime;
    this.clock = clock;
  }

  @Override
  public boolean start() throws IOException {
    return pack(records.start());
  }

  @Override
  public boolean advance() throws IOException {
    return pack(records.advance());
  }

  private boolean pack(boolean waiting) throws IOException {
    current = null;
    timestamp = null;
    if (!waiting && !arrives()) {
      return false;
    }
    Pack pack = new Pack();
    long started = nanoTime.getAsLong();
    do {
      pack.add(records.getCurrent());
    } while (pack.count() < config.maxRecords()
        && pack.bytes() < config.maxBytes()
        && within(config.packMillis(), started)
        && records.advance());
    current = pack.encode();
    timestamp = instant(pack.leastTimestamp());
    return true;
  }

  /** Flink's runner sleeps for 50 ms when it hears that nothing is there; the next fetch is often nearer than that. */
  private boolean arrives() throws IOException {
    long started = nanoTime.getAsLong();
    while (within(PATIENCE_MILLIS, started)) {
      if (records.advance()) {
        return true;
      }
    }
    return false;
  }

  private boolean within(long millis, long started) {
    return nanoTime.getAsLong() - started < TimeUnit.MILLISECONDS.toNanos(millis);
  }

  private static Instant instant(long millis) {
    long least = BoundedWindow.TIMESTAMP_MIN_VALUE.getMillis();
    long most = BoundedWindow.TIMESTAMP_MAX_VALUE.getMillis();
    return Instant.ofEpochMilli(Math.max(least, Math.min(most, millis)));
  }

  @Override
  public byte[] getCurrent() {
    if (current == null) {
      throw new NoSuchElementException("no pack: the last step found no record");
    }
    return current;
  }

  @Override
  public Instant getCurrentTimestamp() {
    if (timestamp == null) {
      throw new NoSuchElementException("no pack: the last step found no record");
    }
    return timestamp;
  }

  @Override
  public Instant getWatermark() {
    return records.getWatermark();
  }

  @Override
  public CheckpointMark getCheckpointMark() {
    return records.getCheckpointMark();
  }

  @Override
  public long getSplitBacklogBytes() {
    return records.getSplitBacklogBytes();
  }

  @Override
  public UnboundedSource<byte[], ?> getCurrentSource() {
    return source;
  }

  @Override
  public void close() throws IOException {
    try {
      records.close();
    } finally {
      try {
        clock.close();
      } catch (Exception e) {
        throw new IOException("the topic's clock could not be closed", e);
      }
    }
  }
}
