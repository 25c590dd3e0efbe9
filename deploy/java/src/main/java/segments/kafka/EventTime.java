package segments.kafka;

import java.io.IOException;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.kafka.common.TopicPartition;
import org.joda.time.Instant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Event time of a reader: the least that its partitions have reached ({@link PartitionClock}), never back.
 *
 * <p>Two kinds of partitions don't hold it, both only while all that they have has been given out. One that has brought
 * nothing for the idle time; and one that has lain further behind most of the topic than the lag for so long, where the
 * topic itself is no further behind the wall clock: a log of long ago that is replayed is not judged by that. They
 * follow what the others had reached a round of questions ago ({@link TopicClock}).
 *
 * <p>Not thread-safe: the runner calls it, as it calls the reader, under a lock.
 */
public final class EventTime implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EventTime.class);
  private static final long BEGINNING = BoundedWindow.TIMESTAMP_MIN_VALUE.getMillis();

  private final PackConfig config;
  private final ReadPositions positions;
  private final TopicClock topic;
  private final NewPartitions arrivals;
  private final LongSupplier wallMillis;
  private final Map<TopicPartition, EventTimePolicy> partitions = new LinkedHashMap<>();
  private long told = BEGINNING;
  private long movedAt;
  private int holder = -1;

  /** What the partitions that are neither idle nor far behind had reached at the last look; UNKNOWN without any. */
  private long own = PartitionClock.UNKNOWN;

  /**
   * @param config idle time and lag
   * @param positions how far the reader's consumer has come
   * @param topic the topic's clock, closed with this
   * @param arrivals what watches for new partitions, closed with this
   * @param wallMillis the wall clock, in milliseconds since the epoch
   */
  public EventTime(
      PackConfig config,
      ReadPositions positions,
      TopicClock topic,
      NewPartitions arrivals,
      LongSupplier wallMillis) {
    this.config = config;
    this.positions = positions;
    this.topic = topic;
    this.arrivals = arrivals;
    this.wallMillis = wallMillis;
    this.movedAt = wallMillis.getAsLong();
  }

  /** The policy of a partition, which may be asked for again when the reader is made anew. */
  public EventTimePolicy policy(TopicPartition partition, Optional<Instant> previous) {
    return partitions.computeIfAbsent(
        partition, added -> new EventTimePolicy(added, previous, config, wallMillis));
  }

  /** The partitions that were added to the topic since the last call. */
  public Collection<Integer> added() {
    return arrivals.take();
  }

  /** Milliseconds of wall time for which event time has stood still. */
  public long heldMillis() {
    return wallMillis.getAsLong() - movedAt;
  }

  /** The partition that has come least far; -1 where none holds event time. */
  public int holder() {
    return holder;
  }

  /** The watermark. */
  public Instant watermark() {
    long now = wallMillis.getAsLong();
    long confirmed = arrivals.confirmed(reached(now));
    if (confirmed > told) {
      told = confirmed;
      movedAt = now;
    }
    return Instant.ofEpochMilli(told);
  }

  private long reached(long now) {
    TopicClock.Reading reading = look(now);
    long least = Long.MAX_VALUE;
    long holding = Long.MAX_VALUE;
    long leading = Long.MAX_VALUE;
    holder = -1;
    for (EventTimePolicy partition : partitions.values()) {
      long time = partition.clock().confirmed();
      if (follows(partition, reading, now)) {
        partition.follows(reading.time);
        time = Math.max(time, partition.followed());
      } else if (time < holding || holder < 0) {
        holding = time;
        holder = partition.partition().partition();
      }
      if (!quiet(partition, now) && !partition.isBehindFor(config.idleMillis(), now)) {
        leading = Math.min(leading, time);
      }
      least = Math.min(least, time);
    }
    // A partition that leads and knows no time yet leaves it where it is.
    own = leading == Long.MAX_VALUE ? PartitionClock.UNKNOWN : Math.max(leading, told);
    return least == Long.MAX_VALUE ? PartitionClock.UNKNOWN : least;
  }

  /** Brings all partitions' clocks up to date; the topic's reading, if any of them needs one. */
  private TopicClock.Reading look(long now) {
    long rest = rest();
    boolean silent = silent(now);
    boolean needed = false;
    boolean late = false;
    for (EventTimePolicy partition : partitions.values()) {
      boolean atEnd = positions.atEnd(partition.partition(), partition.lastOffset());
      partition.clock().at(new PartitionClock.Moment(now, atEnd, silent, rest));
      boolean old = partition.lastOffset() >= 0 && partition.clock().last() < now - config.lagMillis();
      if (!old) {
        partition.isBehind(false, now);
      }
      boolean suspect = old && (atEnd || partition.isBehindFor(0, now));
      needed |= quiet(partition, now) || suspect;
      late |= suspect;
    }
    return needed ? topic.reading(own, late) : null;
  }

  private boolean follows(EventTimePolicy partition, TopicClock.Reading reading, long now) {
    if (reading == null) {
      return false;
    }
    if (reading.most != PartitionClock.UNKNOWN) {
      boolean live = reading.most >= now - config.lagMillis();
      partition.isBehind(live && partition.clock().lately(now) < reading.most - config.lagMillis(), now);
    }
    boolean drained = positions.drained(partition.partition(), reading.end(partition.partition()), partition.lastOffset());
    if (!drained) {
      return false;
    }
    if (quiet(partition, now)) {
      return true;
    }
    boolean behind = partition.isBehindFor(config.idleMillis(), now);
    if (behind && partition.tellOnce()) {
      LOG.warn(
          "{} lies more than {} s behind the rest of the topic and holds event time no longer: its events are late",
          partition.partition(),
          config.lagMillis() / 1_000);
    }
    return behind;
  }

  private boolean quiet(EventTimePolicy partition, long now) {
    return now - partition.lastRecordAt() >= config.idleMillis();
  }

  private boolean silent(long now) {
    return partitions.values().stream()
        .allMatch(
            each ->
                now - each.lastRecordAt() >= PartitionClock.RECENT_MILLIS
                    && positions.atEnd(each.partition(), each.lastOffset()));
  }

  /** What the majority of the records has reached in most of the partitions. */
  private long rest() {
    return PartitionClock.most(partitions.values().stream().mapToLong(each -> each.clock().agreed()));
  }

  @Override
  public void close() throws IOException {
    arrivals.close();
    try {
      topic.close();
    } catch (Exception e) {
      throw new IOException("the topic's clock could not be closed", e);
    }
  }
}
