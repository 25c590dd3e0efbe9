package segments.kafka;

import java.util.Arrays;
import java.util.stream.LongStream;

/**
 * How far event time has come in one partition: the highest timestamp that its recent records agree on, never back.
 *
 * <p>A single record proves nothing about time: its producer's clock may be wrong. A timestamp counts
 *
 * <ul>
 *   <li>if it is at most {@code ahead} above the median of the recent records. Recent are those of the last two
 *       seconds of reading, but at least the last 31 and at most the last 1,023;
 *   <li>where fewer than 31 came in two seconds and none is waiting: if it is of the last minutes by the wall clock, or
 *       not ahead of what the rest of the topic agrees on;
 *   <li>where all partitions of the reader are at their end and have brought nothing for two seconds: if it is the
 *       last.
 * </ul>
 *
 * <p>A timestamp ahead of the wall clock counts as the moment at which it was read. So whatever a record says, time
 * doesn't pass the present; and it is always a record that moves time, never the passing of wall time.
 */
final class PartitionClock {
  /** Before all times. */
  static final long UNKNOWN = Long.MIN_VALUE;

  /** Wall time (ms) in which records are recent, and after which a silence confirms what was said last. */
  static final long RECENT_MILLIS = 2_000;

  /** Least and greatest number of recent records. */
  static final int LEAST = 31;

  static final int MOST = 1_023;

  /** Least wall time (ms) between two looks at the median, where records came in between and where none did. */
  private static final long LOOK_MILLIS = 100;

  private static final long LOOK_AGAIN_MILLIS = 200;

  private static final long LONG_AGO = 0;

  private final long aheadMillis;
  private final long lagMillis;
  private final long[] times = new long[MOST];
  private final long[] readAt = new long[MOST];
  private final long[] sorted = new long[MOST];
  private int count;
  private int next;
  private long highest = UNKNOWN;
  private long median = UNKNOWN;
  private long confirmed;
  private long lookedAt = LONG_AGO;
  private long lately = UNKNOWN;
  private long latelyAt = LONG_AGO;
  private boolean unseen;

  /**
   * @param config how far ahead of the others a record may lie, and how far behind the wall clock "the last minutes" go
   * @param confirmed what is known from before
   */
  PartitionClock(PackConfig config, long confirmed) {
    this.aheadMillis = config.aheadMillis();
    this.lagMillis = config.lagMillis();
    this.confirmed = confirmed;
  }

  /** What surrounds the partition at a moment. */
  static final class Moment {
    /** The wall clock, ms since the epoch. */
    final long wall;

    /** Whether all that the partition holds has been given out. */
    final boolean atEnd;

    /** Whether that is so for all partitions of the reader, and none has brought anything for two seconds. */
    final boolean silent;

    /** What the majority of the records has reached in most other partitions; UNKNOWN where there are none. */
    final long rest;

    Moment(long wall, boolean atEnd, boolean silent, long rest) {
      this.wall = wall;
      this.atEnd = atEnd;
      this.silent = silent;
      this.rest = rest;
    }
  }

  /** A record came, at this moment of the wall clock. */
  void add(long timestamp, long wall) {
    long time = Math.min(timestamp, wall);
    times[next] = time;
    readAt[next] = wall;
    next = next == MOST - 1 ? 0 : next + 1;
    count = Math.min(count + 1, MOST);
    highest = Math.max(highest, time);
    unseen = true;
  }

  /** What was confirmed last; UNKNOWN before anything was. */
  long confirmed() {
    return confirmed;
  }

  /** What most of some times have reached, the lower of two halves; UNKNOWN counts for nothing. */
  static long most(LongStream times) {
    long[] known = times.filter(time -> time != UNKNOWN).sorted().toArray();
    return known.length == 0 ? UNKNOWN : known[(known.length - 1) / 2];
  }

  /** What the majority of the recent records has reached; UNKNOWN where there were too few. */
  long agreed() {
    return median;
  }

  /** What is confirmed now. */
  long at(Moment moment) {
    if (highest <= confirmed || count == 0) {
      return confirmed;
    }
    if (median != UNKNOWN && highest <= median + aheadMillis) {
      return confirmed = highest;
    }
    if (moment.wall - lookedAt >= (unseen ? LOOK_MILLIS : LOOK_AGAIN_MILLIS)) {
      look(moment);
    }
    return confirmed;
  }

  /** The last record's timestamp; UNKNOWN where none came. */
  long last() {
    return count == 0 ? UNKNOWN : times[back(0)];
  }

  /** The median of the recent records, which may go back; UNKNOWN where none came. */
  long lately(long wall) {
    if (count > 0 && wall - latelyAt >= LOOK_AGAIN_MILLIS) {
      latelyAt = wall;
      int recent = sortRecent(inTwoSeconds(wall));
      lately = sorted[(recent - 1) / 2];
    }
    return lately;
  }

  private void look(Moment moment) {
    unseen = false;
    lookedAt = moment.wall;
    int inTwoSeconds = inTwoSeconds(moment.wall);
    int recent = sortRecent(inTwoSeconds);
    if (recent >= LEAST) {
      median = Math.max(median, sorted[(recent - 1) / 2]);
      confirm(atMost(median + aheadMillis, recent));
    }
    if (moment.atEnd && inTwoSeconds < LEAST) {
      if (moment.rest != UNKNOWN) {
        confirm(atMost(moment.rest + aheadMillis, recent));
      }
      if (sorted[recent - 1] >= moment.wall - lagMillis) {
        confirm(sorted[recent - 1]);
      }
    }
    if (moment.silent) {
      confirm(last());
    }
  }

  private int inTwoSeconds(long wall) {
    int number = 0;
    while (number < count && readAt[back(number)] > wall - RECENT_MILLIS) {
      number++;
    }
    return number;
  }

  /** Sorts the recent records' times; how many there are. */
  private int sortRecent(int inTwoSeconds) {
    int recent = Math.min(count, Math.max(inTwoSeconds, LEAST));
    for (int i = 0; i < recent; i++) {
      sorted[i] = times[back(i)];
    }
    Arrays.sort(sorted, 0, recent);
    return recent;
  }

  private void confirm(long time) {
    confirmed = Math.max(confirmed, time);
  }

  /** The greatest of the sorted times up to a limit; UNKNOWN where all are beyond. */
  private long atMost(long limit, int recent) {
    for (int i = recent - 1; i >= 0; i--) {
      if (sorted[i] <= limit) {
        return sorted[i];
      }
    }
    return UNKNOWN;
  }

  /** Where the record lies that came so many before the last one. */
  private int back(int number) {
    return Math.floorMod(next - 1 - number, MOST);
  }
}
