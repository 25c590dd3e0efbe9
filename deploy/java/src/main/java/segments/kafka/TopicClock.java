package segments.kafka;

import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How far event time has come in the whole topic, for partitions that bring no records of their own.
 *
 * <p>The brokers are asked in the background, at most once a second and only while someone wants to know. A reading
 * pairs the highest timestamp of one round with the partitions' ends of the <em>next</em>: what was produced together
 * with that timestamp has then had a round's time to arrive, and a partition that is read up to its end has nothing
 * older to bring.
 */
public final class TopicClock implements AutoCloseable {
  /** Least time between two rounds of questions, in milliseconds. */
  static final long ROUND_MILLIS = 1_000;

  private static final Logger LOG = LoggerFactory.getLogger(TopicClock.class);
  private static final long NONE = -1;

  private final TopicOffsets offsets;
  private final ExecutorService background;
  private final LongSupplier wallMillis;
  private final AtomicBoolean asking = new AtomicBoolean();
  private boolean asked;
  private long askedAt;
  private volatile long previous = NONE;
  private volatile boolean failing;
  private volatile Reading reading;

  /** A moment of the topic. */
  static final class Reading {
    /** Highest timestamp in the topic, in milliseconds since the epoch. */
    final long timestamp;

    private final Map<TopicPartition, Long> ends;

    Reading(long timestamp, Map<TopicPartition, Long> ends) {
      this.timestamp = timestamp;
      this.ends = ends;
    }

    /** Where a partition ended, a round after the timestamp was seen; what is unknown has no end. */
    long end(TopicPartition partition) {
      return ends.getOrDefault(partition, Long.MAX_VALUE);
    }
  }

  /**
   * @param offsets asked in the background, closed with the clock
   * @param background runs the questions one at a time, shut down with the clock
   * @param wallMillis the wall clock, in milliseconds since the epoch
   */
  public TopicClock(TopicOffsets offsets, ExecutorService background, LongSupplier wallMillis) {
    this.offsets = offsets;
    this.background = background;
    this.wallMillis = wallMillis;
  }

  /** The latest reading, null before the second round. Never blocks; has the next round begun when it is due. */
  Reading reading() {
    long now = wallMillis.getAsLong();
    boolean due = !asked || now - askedAt >= ROUND_MILLIS;
    if (due && asking.compareAndSet(false, true)) {
      asked = true;
      askedAt = now;
      background.execute(this::ask);
    }
    return reading;
  }

  private void ask() {
    try {
      Map<TopicPartition, Long> ends = offsets.ends();
      long highest = offsets.highestTimestamp();
      if (previous >= 0) {
        reading = new Reading(previous, ends);
      }
      previous = highest;
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

  @Override
  public void close() throws Exception {
    background.shutdownNow();
    offsets.close();
  }
}
