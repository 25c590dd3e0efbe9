package segments.kafka;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntPredicate;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds partitions that were added to the topic, and lets event time pass only what was reached before the brokers last
 * said that there are none: what comes first to a new partition is then on time, however fast the topic is fed.
 *
 * <p>The brokers are asked in the background: four times a second while time moves, else every five seconds.
 */
public final class NewPartitions implements AutoCloseable {
  /** Least time between two questions, in milliseconds: half of it is what event time is late by. */
  static final long ROUND_MILLIS = 250;

  /** Time between two questions while event time stands still. */
  static final long STILL_MILLIS = 5_000;

  private static final Logger LOG = LoggerFactory.getLogger(NewPartitions.class);

  private final TopicOffsets offsets;
  private final IntPredicate mine;
  private final Set<Integer> known;
  private final ExecutorService background;
  private final LongSupplier wallMillis;
  private final AtomicBoolean asking = new AtomicBoolean();
  private boolean asked;
  private long askedAt;
  private boolean failing;
  private volatile long confirmed = PartitionClock.UNKNOWN;
  private volatile List<Integer> found = List.of();

  /**
   * @param offsets asked in the background
   * @param mine which partitions the reader is to read
   * @param known those that it reads
   * @param background runs the questions, shut down with this
   * @param wallMillis the wall clock, in milliseconds since the epoch
   */
  public NewPartitions(
      TopicOffsets offsets,
      IntPredicate mine,
      Collection<Integer> known,
      ExecutorService background,
      LongSupplier wallMillis) {
    this.offsets = offsets;
    this.mine = mine;
    this.known = new HashSet<>(known);
    this.background = background;
    this.wallMillis = wallMillis;
  }

  /** How much of a time is confirmed; UNKNOWN before anything is. Never blocks. */
  long confirmed(long time) {
    long now = wallMillis.getAsLong();
    boolean due = !asked || now - askedAt >= (time > confirmed ? ROUND_MILLIS : STILL_MILLIS);
    if (due && found.isEmpty() && asking.compareAndSet(false, true)) {
      asked = true;
      askedAt = now;
      List<Integer> reads = new ArrayList<>(known);
      background.execute(() -> ask(time, reads));
    }
    return Math.min(time, confirmed);
  }

  /** The partitions that were found since the last call, and are now known. */
  List<Integer> take() {
    List<Integer> taken = found;
    if (!taken.isEmpty()) {
      known.addAll(taken);
      found = List.of();
    }
    return taken;
  }

  private void ask(long time, List<Integer> reads) {
    try {
      List<Integer> added =
          IntStream.range(0, offsets.partitions())
              .filter(partition -> mine.test(partition) && !reads.contains(partition))
              .boxed()
              .collect(Collectors.toList());
      if (added.isEmpty()) {
        confirmed = Math.max(confirmed, time);
      } else {
        LOG.info("the topic has new partitions: {}", added);
        found = added;
      }
      failing = false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Exception e) {
      if (!failing && !background.isShutdown()) {
        LOG.warn("the topic's partitions could not be read: event time stands still meanwhile", e);
      }
      failing = true;
    } finally {
      asking.set(false);
    }
  }

  @Override
  public void close() {
    background.shutdownNow();
  }
}
