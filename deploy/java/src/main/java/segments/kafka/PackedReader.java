package segments.kafka;

import java.io.IOException;
import java.util.NoSuchElementException;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
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
  private final UnboundedSource<byte[], ?> source;
  private final UnboundedReader<KafkaRecord<byte[], byte[]>> records;
  private final PackConfig config;
  private final LongSupplier nanoTime;
  private final AutoCloseable clock;
  private final Supplier<Patience> shared;
  private Patience patience;
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
    this(source, records, config, nanoTime, clock, Patience::ofThread);
  }

  /** The same with a patience of another making, asked for on the thread that starts to read. */
  PackedReader(
      UnboundedSource<byte[], ?> source,
      UnboundedReader<KafkaRecord<byte[], byte[]>> records,
      PackConfig config,
      LongSupplier nanoTime,
      AutoCloseable clock,
      Supplier<Patience> shared) {
    this.source = source;
    this.records = records;
    this.config = config;
    this.nanoTime = nanoTime;
    this.clock = clock;
    this.shared = shared;
  }

  @Override
  public boolean start() throws IOException {
    patience = shared.get();
    patience.join();
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
        && nanoTime.getAsLong() - started < TimeUnit.MILLISECONDS.toNanos(config.packMillis())
        && records.advance());
    patience.found(nanoTime.getAsLong());
    current = pack.encode();
    timestamp = instant(pack.leastTimestamp());
    return true;
  }

  /** Each look of the wrapped reader takes 1 to 20 ms by itself. */
  private boolean arrives() throws IOException {
    long started = nanoTime.getAsLong();
    long limit = patience.nanos(started);
    while (nanoTime.getAsLong() - started < limit) {
      if (records.advance()) {
        return true;
      }
    }
    return false;
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
    if (patience != null) {
      patience.leave();
    }
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
