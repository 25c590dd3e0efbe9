package segments.kafka;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How far event time has come in the whole topic, for partitions that bring no records of their own, or only old ones.
 *
 * <p>The brokers are asked in the background, at most once a second and only while someone wants to know. A reading
 * pairs what was known when one round began with the partitions' ends of the <em>next</em>: what was produced together
 * with that has then had a round's time to arrive, and a partition that is read up to its end has nothing older to
 * bring.
 */
public final class TopicClock implements AutoCloseable {
  /** Least time between two rounds of questions, in milliseconds. */
  static final long ROUND_MILLIS = 1_000;

  /** Records at the end of a partition that say how far it is. */
  static final int TAIL = 2 * PartitionClock.LEAST + 1;

  private static final Logger LOG = LoggerFactory.getLogger(TopicClock.class);

  private final TopicOffsets offsets;
  private final PackConfig config;
  private final ExecutorService background;
  private final LongSupplier wallMillis;
  private final AtomicBoolean asking = new AtomicBoolean();
  private final Map<TopicPartition, Tail> tails = new HashMap<>();
  private boolean asked;
  private long askedAt;
  private long firstRound = PartitionClock.UNKNOWN;
  private long previousTime = PartitionClock.UNKNOWN;
  private volatile boolean failing;
  private volatile Reading reading;

  /** A moment of the topic. */
  static final class Reading {
    /** How far event time had come when the round before began; UNKNOWN where nobody knew. */
    final long time;

    /** What most partitions with traffic have reached; UNKNOWN where nobody asked. */
    final long most;

    private final Map<TopicPartition, Long> ends;

    Reading(long time, long most, Map<TopicPartition, Long> ends) {
      this.time = time;
      this.most = most;
      this.ends = ends;
    }

    /** Where a partition ended, a round after the time was seen; what is unknown has no end. */
    long end(TopicPartition partition) {
      return ends.getOrDefault(partition, Long.MAX_VALUE);
    }
  }

  /** The end of a partition as it was read last. */
  private static final class Tail {
    long end = -1;
    long movedAt = PartitionClock.UNKNOWN;
    long readUpTo = -1;
    long agreed = PartitionClock.UNKNOWN;
    long last = PartitionClock.UNKNOWN;
  }

  /**
   * @param offsets asked in the background, closed with the clock
   * @param config idle time, and what a partition's clock goes by
   * @param background runs the questions one at a time, shut down with the clock
   * @param wallMillis the wall clock, in milliseconds since the epoch
   */
  public TopicClock(
      TopicOffsets offsets, PackConfig config, ExecutorService background, LongSupplier wallMillis) {
    this.offsets = offsets;
    this.config = config;
    this.background = background;
    this.wallMillis = wallMillis;
  }

  /**
   * The latest reading, null before the second round. Never blocks; has the next round begun when it is due.
   *
   * @param own how far the reader's own partitions hold event time, UNKNOWN where none of them does: then the topic's
   *     other partitions are looked at
   * @param most whether it matters what most partitions have reached
   */
  Reading reading(long own, boolean most) {
    long now = wallMillis.getAsLong();
    boolean due = !asked || now - askedAt >= ROUND_MILLIS;
    if (due && asking.compareAndSet(false, true)) {
      asked = true;
      askedAt = now;
      background.execute(() -> ask(own, most || own == PartitionClock.UNKNOWN));
    }
    return reading;
  }

  private void ask(long own, boolean most) {
    try {
      Map<TopicPartition, Long> ends = offsets.ends();
      long reached = most ? reached(ends) : PartitionClock.UNKNOWN;
      if (firstRound == PartitionClock.UNKNOWN) {
        firstRound = wallMillis.getAsLong();
      } else {
        reading = new Reading(previousTime, reached, ends);
      }
      previousTime = own == PartitionClock.UNKNOWN ? reached : own;
      failing = false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Exception e) {
      if (!failing && !background.isShutdown()) {
        LOG.warn("the topic's offsets could not be read: idle partitions hold the watermark meanwhile", e);
      }
      failing = true;
    } finally {
      asking.set(false);
    }
  }

  /** What most of the partitions with traffic have reached; where there is no traffic, the latest that was said. */
  private long reached(Map<TopicPartition, Long> ends) throws Exception {
    long now = wallMillis.getAsLong();
    Map<TopicPartition, Long> unread = new HashMap<>();
    ends.forEach(
        (partition, end) -> {
          Tail tail = tails.computeIfAbsent(partition, any -> new Tail());
          if (tail.end >= 0 && tail.end != end) {
            tail.movedAt = now;
          }
          tail.end = end;
          if (tail.readUpTo != end) {
            unread.put(partition, end);
          }
        });
    if (!unread.isEmpty()) {
      offsets.tails(unread, TAIL).forEach((partition, times) -> read(tails.get(partition), times, now));
    }
    long idle = Math.max(config.idleMillis(), PartitionClock.RECENT_MILLIS);
    List<Tail> active =
        tails.values().stream()
            .filter(tail -> tail.movedAt != PartitionClock.UNKNOWN && now - tail.movedAt < idle)
            .collect(Collectors.toList());
    if (!active.isEmpty()) {
      long minutesAgo = now - config.lagMillis();
      // With two partitions, one of the present and one of long ago, it is a live topic.
      boolean live = active.stream().filter(tail -> tail.agreed >= minutesAgo).count() * 2 >= active.size();
      return PartitionClock.most(
          active.stream().mapToLong(tail -> tail.agreed).filter(time -> !live || time >= minutesAgo));
    }
    boolean silent = firstRound != PartitionClock.UNKNOWN && now - firstRound >= PartitionClock.RECENT_MILLIS;
    return silent
        ? tails.values().stream().mapToLong(tail -> tail.last).max().orElse(PartitionClock.UNKNOWN)
        : PartitionClock.UNKNOWN;
  }

  private void read(Tail tail, long[] times, long now) {
    PartitionClock clock = new PartitionClock(config, PartitionClock.UNKNOWN);
    // Not as records of the last two seconds: when they came to the topic is not known.
    Arrays.stream(times).forEach(time -> clock.add(time, now - PartitionClock.RECENT_MILLIS));
    tail.agreed = clock.at(new PartitionClock.Moment(now, true, false, PartitionClock.UNKNOWN));
    tail.last = times.length == 0 ? PartitionClock.UNKNOWN : Math.min(times[times.length - 1], now);
    tail.readUpTo = tail.end;
  }

  @Override
  public void close() throws Exception {
    background.shutdownNow();
    offsets.close();
  }
}
