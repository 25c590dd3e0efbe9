package segments.kafka;

import java.io.IOException;
import java.util.Collection;
import java.util.NoSuchElementException;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.beam.sdk.io.UnboundedSource;
import org.apache.beam.sdk.io.UnboundedSource.CheckpointMark;
import org.apache.beam.sdk.io.UnboundedSource.UnboundedReader;
import org.apache.beam.sdk.io.kafka.KafkaRecord;
import org.apache.beam.sdk.metrics.Gauge;
import org.apache.beam.sdk.metrics.Metrics;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.joda.time.Instant;

/**
 * Reads packs: each step takes what the wrapped reader has at hand, until the pack is full or old enough, or nothing
 * is waiting.
 *
 * <p>Nothing is read ahead of the pack, so between two steps the wrapped reader's checkpoint mark covers exactly the
 * records that were given out; the backlog is its own too. Not thread-safe, as the runner calls it under a
 * lock.
 */
public final class PackedReader extends UnboundedReader<byte[]> {
  private static final long TELL_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final UnboundedSource<byte[], ?> source;
  private final PackConfig config;
  private final LongSupplier nanoTime;
  private final EventTime time;
  private final Growth growth;
  private final Supplier<Patience> shared;
  private final Gauge heldMillis = Metrics.gauge("segments", "event_time_held_ms");
  private final Gauge holder = Metrics.gauge("segments", "event_time_holder");
  private UnboundedReader<KafkaRecord<byte[], byte[]>> records;
  private long toldAt;
  private Patience patience;
  private byte[] current;
  private Instant timestamp;

  /** Makes the wrapped reader anew, with partitions that were added to the topic. */
  public interface Growth {
    /**
     * @param records reads up to here, and is closed
     * @param added the numbers of the new partitions
     * @return goes on where the other ended; not started
     */
    UnboundedReader<KafkaRecord<byte[], byte[]>> grown(
        UnboundedReader<KafkaRecord<byte[], byte[]>> records, Collection<Integer> added) throws IOException;
  }

  /**
   * @param source what this reader reads, as the runner keeps it in its checkpoints
   * @param records the wrapped reader
   * @param config the packs' limits
   * @param nanoTime nanoseconds of a clock that only runs forward
   * @param time the watermark, closed with the reader
   * @param growth for when partitions are added
   */
  public PackedReader(
      UnboundedSource<byte[], ?> source,
      UnboundedReader<KafkaRecord<byte[], byte[]>> records,
      PackConfig config,
      LongSupplier nanoTime,
      EventTime time,
      Growth growth) {
    this(source, records, config, nanoTime, time, growth, Patience::ofThread);
  }

  /** The same with a patience of another making, asked for on the thread that starts to read. */
  PackedReader(
      UnboundedSource<byte[], ?> source,
      UnboundedReader<KafkaRecord<byte[], byte[]>> records,
      PackConfig config,
      LongSupplier nanoTime,
      EventTime time,
      Growth growth,
      Supplier<Patience> shared) {
    this.source = source;
    this.records = records;
    this.config = config;
    this.nanoTime = nanoTime;
    this.time = time;
    this.growth = growth;
    this.shared = shared;
  }

  @Override
  public boolean start() throws IOException {
    patience = shared.get();
    patience.join();
    toldAt = nanoTime.getAsLong() - TELL_NANOS;
    return pack(records.start());
  }

  @Override
  public boolean advance() throws IOException {
    tell();
    Collection<Integer> added = time.added();
    if (added.isEmpty()) {
      return pack(records.advance());
    }
    // Nothing is read ahead, so the wrapped reader's mark is where the next one begins.
    records = growth.grown(records, added);
    return pack(records.start());
  }

  /** Only here do metrics reach the runner. */
  private void tell() {
    long now = nanoTime.getAsLong();
    if (now - toldAt >= TELL_NANOS) {
      toldAt = now;
      heldMillis.set(time.heldMillis());
      holder.set(time.holder());
    }
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
    // Brings the partitions' times in the next checkpoint mark up to date.
    records.getWatermark();
    return time.watermark();
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
      time.close();
    }
  }
}
