package segments.kafka;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * How long a reader that has nothing may wait for its next record. The readers of a thread take turns, so whoever waits
 * keeps the others waiting too: all of them together wait {@link #MILLIS} a round, and none while another has records.
 */
final class Patience {
  /** Flink's runner sleeps for 50 ms when it hears that nothing is there; the next fetch is often nearer than that. */
  static final long MILLIS = 20;

  private static final ThreadLocal<Patience> OF_THREAD = ThreadLocal.withInitial(Patience::new);
  private static final long NANOS = TimeUnit.MILLISECONDS.toNanos(MILLIS);

  private final AtomicInteger readers = new AtomicInteger();
  private boolean found;
  private long lastFound;

  /** What the readers of this thread share. */
  static Patience ofThread() {
    return OF_THREAD.get();
  }

  /** A reader takes its turns here from now on. */
  void join() {
    readers.incrementAndGet();
  }

  /** A reader is closed, perhaps on another thread. */
  void leave() {
    readers.decrementAndGet();
  }

  /** A reader had records. */
  void found(long nanoTime) {
    found = true;
    lastFound = nanoTime;
  }

  /** Nanoseconds that a reader may wait now; 0 where another has just had records. */
  long nanos(long nanoTime) {
    if (readers.get() > 1 && found && nanoTime - lastFound < NANOS) {
      return 0;
    }
    return NANOS / Math.max(readers.get(), 1);
  }
}
